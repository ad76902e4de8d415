#include "server/receiver.h"

#include <fstream>
#include <iterator>

#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;

namespace {

dicom::ReceivedInstance image(const std::string& sop, const std::string& content) {
  dicom::ReceivedInstance made;
  made.calling_ae_title = "PACS";
  made.peer_address = "192.0.2.1";
  made.study_instance_uid = "1.2";
  made.series_instance_uid = "1.2.1";
  made.sop_instance_uid = sop;
  made.sop_class_uid = "1.2.840.10008.5.1.4.1.1.4";
  made.transfer_syntax_uid = "1.2.840.10008.1.2.1";
  made.modality = "MR";
  made.part10.assign(content.begin(), content.end());
  return made;
}

struct ReceiverFixture : StoreFixture {
  explicit ReceiverFixture(std::uint64_t min_free_bytes = 0)
      : storage(directory.path() / "storage", min_free_bytes), receiver(storage, *store, metrics, log) {}
  LogConfig log_config{LogLevel::debug, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  Metrics metrics{"model", "1"};
  Storage storage;
  Receiver receiver;

  std::string logged() {
    std::ifstream stream(directory.path() / "log");
    return {std::istreambuf_iterator<char>(stream), {}};
  }
};

}  // namespace

TEST_CASE("An image is on disk and recorded before its sender hears success", "[server][receiver]") {
  ReceiverFixture f;
  CHECK(f.receiver.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  f.store->make_quiet_studies_ready(std::chrono::milliseconds(0));
  const Claim claim = f.store->claim("here", one_minute).value();
  REQUIRE(claim.files.size() == 1);
  std::ifstream stream(f.storage.directory() / claim.files[0], std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(stream), {}) == "abc");
}

TEST_CASE("An image sent twice is one image, one with other bytes is kept apart and logged",
          "[server][receiver]") {
  ReceiverFixture f;
  CHECK(f.receiver.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  CHECK(f.receiver.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::success);
  CHECK(f.receiver.receive(image("1.2.1.1", "other")) == dicom::StoreStatus::success);
  const StudySummary summary = f.store->study(study_key("1.2")).value().summary;
  CHECK(summary.instances == 1);
  CHECK(summary.conflicts == 1);
  CHECK(f.logged().find("kept apart") != std::string::npos);
  CHECK(f.logged().find("study=" + study_key("1.2")) != std::string::npos);
  const std::string metrics = f.metrics.text({});
  CHECK(metrics.find("metserve_images_total{outcome=\"duplicate\"} 1") != std::string::npos);
}

TEST_CASE("A disk above its watermark refuses images as out of resources", "[server][receiver]") {
  ReceiverFixture f(std::uint64_t{1} << 62);
  CHECK(f.receiver.receive(image("1.2.1.1", "abc")) == dicom::StoreStatus::out_of_resources);
  CHECK_FALSE(f.store->study(study_key("1.2")));
  CHECK(f.logged().find("storage.min_free_mib") != std::string::npos);
}
