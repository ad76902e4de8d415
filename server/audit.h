#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "dicom/identity.h"
#include "dicom/line_limit.h"
#include "dicom/store_scp.h"
#include "server/logging.h"
#include "server/posix_file.h"
#include "server/store.h"

namespace metserve::server {

struct HttpRequest;

/// Who sent what, what was sent where, who looked, what was deleted: one JSON object a line, in a file apart
/// from the log. Events are named after the audit messages of DICOM (PS3.15 section A.5.3), which IHE ATNA
/// asks for; a study is named by its UID and its key, a patient never. Without a file nothing is kept.
/// A line that cannot be written ends nobody's work: the log says so, and the trail itself, as soon as it can
/// be written again, how many are missing. Of one host at most 20 refusals a minute are kept in full, so
/// that strangers cannot fill the disk; further ones are counted. Thread safety: all members from any thread.
class Audit {
 public:
  /// Throws Error(io) naming a file that cannot be written. `log` outlives this.
  Audit(const std::optional<std::filesystem::path>& file, dicom::Clock clock, const Log& log);

  /// Opens the file anew: after logrotate has moved it away. Throws like the constructor, and keeps what it
  /// had then.
  void reopen();

  void started();
  void stopped();
  /// One that is rejected is a security alert; one that ends names what was received over it.
  void association(const dicom::AssociationEvent& event);
  /// An image was stored. The first of a study is a line at once, which a crash cannot take back.
  void received(std::uint64_t association, const std::string& study_instance_uid);
  void delivered(const std::string& study_key, const std::string& object, const std::string& destination);
  void deleted(const std::string& study_key, std::string_view why);
  /// A request for something about studies, and the status that it was answered with. `user`: empty when it
  /// was refused.
  void looked(const std::string& user, const HttpRequest& request, unsigned status);

 private:
  struct Open {
    dicom::AssociationEvent peer;
    std::map<std::string, int> images;  ///< by study
  };
  void write(nlohmann::ordered_json&& line);
  /// A line about a refusal.
  void alert(nlohmann::ordered_json&& line, const std::string& address);
  void append(nlohmann::ordered_json&& line);
  void tell(const std::vector<dicom::LineLimit::Excess>& left_out);

  const std::optional<std::filesystem::path> file_;
  const dicom::Clock clock_;
  const Log& log_;
  std::mutex mutex_;
  std::unique_ptr<FileDescriptor> descriptor_;
  std::map<std::uint64_t, Open> open_;  ///< associations
  std::uint64_t missing_ = 0;           ///< lines that could not be written
  dicom::LineLimit alerts_;
};

}  // namespace metserve::server
