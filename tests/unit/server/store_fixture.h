#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/error.h"
#include "server/hash.h"
#include "server/sqlite_store.h"
#include "tests/temporary_directory.h"

namespace metserve::server {

inline constexpr std::chrono::seconds one_minute{60};

/// What the call threw, if anything.
inline std::optional<Error::Kind> kind_of_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

/// A store in a directory of its own, under a clock that the test moves.
struct StoreFixture {
  TimePoint now = TimePoint(std::chrono::hours(24 * 365 * 50));
  TemporaryDirectory directory;
  std::unique_ptr<SqliteStore> store = open();

  std::unique_ptr<SqliteStore> open() {
    return std::make_unique<SqliteStore>(directory.path() / "metserve.db", [this] { return now; });
  }
  /// As after a crash: nothing is told to the old one, the file is all there is.
  void reopen() {
    store.reset();
    store = open();
  }

  static std::string digest_of(const std::string& content) {
    return content_digest(std::vector<std::uint8_t>(content.begin(), content.end()));
  }
  static InstanceRecord instance(const std::string& study, const std::string& sop,
                                 const std::string& content = "a") {
    InstanceRecord record;
    record.study_instance_uid = study;
    record.series_instance_uid = study + ".1";
    record.sop_class_uid = "1.2.840.10008.5.1.4.1.1.4";
    record.sop_instance_uid = sop;
    record.transfer_syntax_uid = "1.2.840.10008.1.2.1";
    record.modality = "MR";
    record.calling_ae_title = "PACS";
    record.peer_address = "192.0.2.1";
    record.digest = digest_of(content);
    record.bytes = 1000;
    record.file = "images/" + study_key(study) + "/" + sop + "-" + content + ".dcm";
    return record;
  }
  AddOutcome add(const std::string& study, const std::string& sop, const std::string& content = "a") {
    const InstanceRecord record = instance(study, sop, content);
    return store->add_instances(std::span(&record, 1)).front();
  }
  Claim claim_new_study(const std::string& study) {
    add(study, study + ".1.1");
    now += one_minute;
    store->make_quiet_studies_ready(one_minute);
    return store->claim("here", one_minute).value();
  }
  StudyState state(const std::string& study) { return store->study(study_key(study)).value().summary.state; }
};

/// Lines of an audit trail that say that an object was sent.
inline int audited_deliveries(const std::filesystem::path& audit_file) {
  std::ifstream stream(audit_file);
  int count = 0;
  for (std::string line; std::getline(stream, line);) count += line.find("\"sent\"") != std::string::npos;
  return count;
}

}  // namespace metserve::server
