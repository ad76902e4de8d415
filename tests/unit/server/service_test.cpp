#include "server/service.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "dicom/runtime.h"
#include "dicom/store_scp.h"
#include "dicom/store_scu.h"
#include "dicom/study.h"
#include "server/error.h"
#include "server/http_client.h"
#include "tests/catch.h"
#include "tests/unit/dicom/peer_programs.h"
#include "tests/unit/server/service_fixture.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;

namespace {

/// What one whole study and its service share.
struct RunningService : ServiceFixture {
  dicom::Runtime runtime;
  std::vector<std::filesystem::path> images;

  explicit RunningService(models::Slot slot, bool sagittal = false)
      : images(write_one_sequence_study(slot, directory.path() / "study", sagittal)) {}

  void send_to(const Service& service, std::size_t first = 0, std::size_t count = 1000) {
    const std::size_t end = std::min(images.size(), first + count);
    const std::vector<std::filesystem::path> part(images.begin() + static_cast<std::ptrdiff_t>(first),
                                                  images.begin() + static_cast<std::ptrdiff_t>(end));
    dicom::Peer peer;
    peer.host = "127.0.0.1";
    peer.port = service.dicom_port();
    peer.called_ae_title = config.dicom.ae_title;
    for (const auto& result : dicom::send_instances(peer, part)) {
      REQUIRE(result.outcome == dicom::SendResult::Outcome::delivered);
    }
  }
  /// A second look into the database, as an administrator would have.
  std::optional<StudySummary> study() {
    SqliteStore store(config.storage.directory / "metserve.db",
                      [] { return std::chrono::system_clock::now(); });
    const auto all = store.studies({});
    return all.empty() ? std::nullopt : std::optional(all.front());
  }
  bool reaches(StudyState state, int seconds = 120) {
    return soon([&] { return study() && study()->state == state; }, seconds);
  }
  /// One object that waits for every destination of the configuration when the next service starts.
  void queue_result(const std::string& study_instance_uid) {
    const std::string result = "results/" + study_key(study_instance_uid) + "/1";
    std::filesystem::create_directories(config.storage.directory / result);
    std::filesystem::copy_file(images.front(), config.storage.directory / result / "report.dcm");
    SqliteStore store(config.storage.directory / "metserve.db",
                      [] { return std::chrono::system_clock::now(); });
    const InstanceRecord image = StoreFixture::instance(study_instance_uid, study_instance_uid + ".1.1");
    store.add_instances(std::span(&image, 1));
    store.make_quiet_studies_ready(std::chrono::milliseconds(0));
    std::vector<DeliveryOrder> orders;
    for (const auto& destination : config.destinations)
      orders.push_back({destination.name, "report", result + "/report.dcm"});
    store.finish(store.claim("here", one_minute).value(), result, orders);
  }
};

/// A DICOM node that takes everything.
class ResultReceiver {
 public:
  /// It, as a destination of these objects.
  DestinationConfig wanting(std::vector<ObjectKind> objects) const {
    return {"receiver", "127.0.0.1", scp_.port(), "RECEIVER", std::move(objects), {}};
  }
  /// The modalities of what has come, in order.
  std::vector<std::string> arrived() const {
    const std::scoped_lock lock(mutex_);
    return arrived_;
  }

  static dicom::StoreScpOptions options() {
    dicom::StoreScpOptions any_port;
    any_port.ae_title = "RECEIVER";
    any_port.bind_address = "127.0.0.1";
    any_port.port = 0;
    return any_port;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> arrived_;
  dicom::StoreScp scp_{options(), [this](dicom::ReceivedInstance&& image) {
                         const std::scoped_lock lock(mutex_);
                         arrived_.push_back(image.modality);
                         return dicom::StoreStatus::success;
                       }};
};

/// The same images as a later study of the same patient, or of another one.
std::vector<std::filesystem::path> later_study(const std::vector<std::filesystem::path>& images,
                                               const std::string& issuer,
                                               const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::vector<std::filesystem::path> copies;
  for (const auto& image : images) {
    DcmFileFormat file;
    REQUIRE(file.loadFile(image.c_str()).good());
    DcmDataset& dataset = *file.getDataset();
    for (const auto& tag : {DCM_StudyInstanceUID, DCM_SeriesInstanceUID, DCM_SOPInstanceUID}) {
      OFString uid;
      dataset.findAndGetOFString(tag, uid);
      dataset.putAndInsertOFStringArray(tag, uid + ".7");
    }
    dataset.putAndInsertString(DCM_StudyDate, "20250602");
    dataset.putAndInsertString(DCM_IssuerOfPatientID, issuer.c_str());
    copies.push_back(directory / image.filename());
    REQUIRE(file.saveFile(copies.back().c_str()).good());
  }
  return copies;
}

/// A series of the same study, proton density and T2 weighted at once: every other image is of its second
/// echo.
std::vector<std::filesystem::path> dual_echo(const std::vector<std::filesystem::path>& images,
                                             const std::string& series_instance_uid,
                                             const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::vector<std::filesystem::path> copies;
  for (const auto& image : images) {
    for (const char* echo : {"1", "2"}) {
      DcmFileFormat file;
      REQUIRE(file.loadFile(image.c_str()).good());
      DcmDataset& dataset = *file.getDataset();
      OFString uid;
      dataset.findAndGetOFString(DCM_SOPInstanceUID, uid);
      dataset.putAndInsertOFStringArray(DCM_SOPInstanceUID, uid + ".8." + echo);
      dataset.putAndInsertString(DCM_SeriesInstanceUID, series_instance_uid.c_str());
      dataset.putAndInsertString(DCM_SeriesNumber, "4711");
      dataset.putAndInsertString(DCM_SeriesDescription, "AX PD/T2 dual echo");
      dataset.putAndInsertString(DCM_ScanningSequence, "SE");
      dataset.putAndInsertString(DCM_RepetitionTime, "3000");
      dataset.putAndInsertString(DCM_EchoTime, *echo == '1' ? "20" : "90");
      dataset.putAndInsertString(DCM_EchoNumbers, echo);
      copies.push_back(directory / (image.stem().string() + "-" + echo + ".dcm"));
      REQUIRE(file.saveFile(copies.back().c_str()).good());
    }
  }
  return copies;
}

}  // namespace

TEST_CASE("A later study of the same patient is compared with the earlier one", "[server][service]") {
  const bool same = GENERATE(true, false);
  RunningService f(models::Slot::t1_gre_post);
  const Service service(f.config, f.log);
  f.send_to(service);
  REQUIRE(f.reaches(StudyState::done));
  const auto first = f.study()->key;
  f.images = later_study(f.images, same ? "" : "elsewhere", f.directory.path() / "later");
  f.send_to(service);
  REQUIRE(soon([&] { return f.study()->key != first && f.reaches(StudyState::done, 0); }, 120));
  INFO(f.logged());
  CHECK((f.logged().find("compared with study " + first) != std::string::npos) == same);
}

TEST_CASE("A series of two echoes beside a good series hinders nobody", "[server][service]") {
  RunningService f(models::Slot::t1_gre_post);
  const std::string uid = "2.25.4711";
  for (const auto& image : dual_echo(f.images, uid, f.directory.path() / "dual")) f.images.push_back(image);
  const Service service(f.config, f.log);
  f.send_to(service);
  INFO(f.logged());
  REQUIRE(f.reaches(StudyState::done));
  HttpCall request;
  request.url = "http://127.0.0.1:" + std::to_string(service.http_port()) + "/studies/" + f.study()->key;
  const auto found = nlohmann::json::parse(call(request).body)["series_found"];
  CHECK(found.size() == 3);
  CHECK(std::count_if(found.begin(), found.end(), [&](const auto& series) {
          return series["series_instance_uid"] == uid && series["decision"] == "rejected";
        }) == 2);
}

TEST_CASE("A study goes through the whole server and its results arrive", "[server][service]") {
  RunningService f(models::Slot::t1_gre_post);
  ResultReceiver archive;
  f.config.destinations.push_back(
      archive.wanting({ObjectKind::report, ObjectKind::probability, ObjectKind::key_images}));
  Service service(f.config, f.log);
  f.send_to(service);
  INFO(f.logged());
  REQUIRE(f.reaches(StudyState::done));
  const auto arrived = archive.arrived();
  CHECK(std::count(arrived.begin(), arrived.end(), "SR") == 1);
  CHECK(std::count(arrived.begin(), arrived.end(), "SEG") == 1);  // the probabilities
  CHECK(std::count(arrived.begin(), arrived.end(), "OT") >= 2);   // summary and slices
  CHECK(f.study()->instances == static_cast<int>(f.images.size()));
  CHECK(service.stop() == 0);
}

TEST_CASE("A destination that takes axial series only gets one, and then the structure set on it",
          "[server][service]") {
  RunningService f(models::Slot::t1_gre_post, true);
  f.config.model.rule.threshold = f.config.model.rule.minimum_peak =
      0.001;  // something is found by any network
  ResultReceiver planning;
  f.config.destinations.push_back(planning.wanting({ObjectKind::axial}));
  Service service(f.config, f.log);
  f.send_to(service);
  INFO(f.logged());
  REQUIRE(f.reaches(StudyState::done));
  const auto arrived = planning.arrived();
  REQUIRE(arrived.size() > 100);
  CHECK(arrived.back() == "RTSTRUCT");
  CHECK(std::count(arrived.begin(), arrived.end(), "MR") == static_cast<long>(arrived.size()) - 1);
  CHECK(service.stop() == 0);
}

TEST_CASE("A study without gadolinium is skipped and says why", "[server][service]") {
  RunningService f(models::Slot::flair);
  const Service service(f.config, f.log);
  f.send_to(service);
  REQUIRE(f.reaches(StudyState::skipped));
  CHECK_FALSE(f.study()->reason.empty());
}

TEST_CASE("A held study goes on once a person has decided what its series is", "[server][service]") {
  RunningService f(models::Slot::t1_gre_post);
  f.config.study.minimum_match_confidence = 1;  // nothing is that certain
  const Service service(f.config, f.log);
  f.send_to(service);
  REQUIRE(f.reaches(StudyState::held));
  HttpCall request;
  request.url = "http://127.0.0.1:" + std::to_string(service.http_port()) + "/studies/" + f.study()->key;
  const auto held = nlohmann::json::parse(call(request).body);
  REQUIRE(held["series_found"].size() == 1);
  CHECK(held["series_found"][0]["decision"] == "ambiguous");
  request.method = "POST";
  request.url +=
      "/release?series=" + held["series_found"][0]["series_instance_uid"].get<std::string>() + ":t1_gre_post";
  CHECK(call(request).status == 200);
  REQUIRE(f.reaches(StudyState::done));
  CHECK(call(request).status == 200);  // decided anew: segmented again
  REQUIRE(f.reaches(StudyState::done));
}

TEST_CASE("A server that stops between images goes on with the study after its next start",
          "[server][service]") {
  RunningService f(models::Slot::flair);
  f.config.study.quiet_time = std::chrono::seconds(3600);
  {
    Service service(f.config, f.log);
    f.send_to(service, 0, 10);
    CHECK(service.stop() == 0);
  }
  CHECK(f.study()->state == StudyState::receiving);
  f.config.study.quiet_time = std::chrono::seconds(3);
  std::this_thread::sleep_for(f.config.study.quiet_time);
  const Service service(f.config, f.log);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  CHECK(f.study()->state == StudyState::receiving);  // nothing could come meanwhile: that is not quiet
  f.send_to(service);
  REQUIRE(f.reaches(StudyState::skipped));
  CHECK(f.study()->instances == static_cast<int>(f.images.size()));
}

TEST_CASE("A start without its database loses no image, and what it moved away can be sent again",
          "[server][service][peers]") {
  RunningService f(models::Slot::flair);
  f.config.study.quiet_time = std::chrono::seconds(3600);
  {
    Service service(f.config, f.log);
    f.send_to(service, 0, 3);
    CHECK(service.stop() == 0);
  }
  const auto key = f.study()->key;
  for (const char* file : {"metserve.db", "metserve.db-wal", "metserve.db-shm"})
    std::filesystem::remove(f.config.storage.directory / file);
  const Service service(f.config, f.log);
  const auto lost = f.config.storage.directory / "lost";
  CHECK_THAT(f.logged(),
             Catch::Contains("1 studies that the database does not know are moved to " + lost.string()));
  CHECK(dicom::list_files(lost / "images" / key).size() == 3);
  CHECK_FALSE(f.study());
  const auto sent =
      dicom::test::run_program({"dcmsend", "-aec", f.config.dicom.ae_title, "+sd", "+r", "127.0.0.1",
                                std::to_string(service.dicom_port()), lost / "images"});
  INFO(sent.output);
  CHECK(sent.status == 0);
  CHECK(soon([&] { return f.study() && f.study()->instances == 3; }));
}

TEST_CASE("At stop all destinations end together what they are sending, and begin no more",
          "[server][service]") {
  RunningService f(models::Slot::flair);
  std::atomic<int> sent{0};
  const dicom::StoreScp slow(ResultReceiver::options(), [&](dicom::ReceivedInstance&&) {
    ++sent;
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return dicom::StoreStatus::out_of_resources;
  });
  constexpr int destinations = 8;
  for (int i = 0; i < destinations; ++i)
    f.config.destinations.push_back(
        {"slow" + std::to_string(i), "127.0.0.1", slow.port(), "RECEIVER", {ObjectKind::report}, {}});
  for (int i = 0; i < 10; ++i) f.queue_result("1.2." + std::to_string(i));
  Service service(f.config, f.log);
  REQUIRE(soon([&] { return sent >= destinations; }));
  const int before = sent;
  CHECK(service.stop() == 0);
  INFO(f.logged());
  CHECK(sent <= before + destinations);
}

namespace {

/// A study whose only image is a pipe: reading it takes until somebody writes.
struct StuckStudy : RunningService {
  StuckStudy() : RunningService(models::Slot::t1_gre_post) {
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::filesystem::create_directories(config.storage.directory);
    SqliteStore store(config.storage.directory / "metserve.db",
                      [] { return std::chrono::system_clock::now(); });
    InstanceRecord image = StoreFixture::instance("1.2", "1.2.1.1");
    image.file = pipe;
    store.add_instances(std::span(&image, 1));
    store.make_quiet_studies_ready(std::chrono::milliseconds(0));
  }
  std::filesystem::path pipe = directory.path() / "pipe";
};

}  // namespace

TEST_CASE("A stop says that it is over even when a worker does not react", "[server][service]") {
  StuckStudy f;
  f.config.audit.file = f.directory.path() / "audit";
  f.config.workers.stop_grace = std::chrono::seconds(0);
  Service service(f.config, f.log);
  REQUIRE(f.reaches(StudyState::running));
  CHECK(service.stop() == 1);
  CHECK_THAT(f.logged(), Catch::Contains("stopped; 1 workers did not react"));
  std::ifstream audit(*f.config.audit.file);
  CHECK_THAT(std::string(std::istreambuf_iterator<char>(audit), {}), Catch::Contains("\"stop\""));
  const std::ofstream let_go(f.pipe);
}

TEST_CASE("A job that shows no sign of progress counts as a try, and the process is to be started again",
          "[server][service]") {
  StuckStudy f;
  f.config.workers.stop_grace = std::chrono::seconds(0);
  f.config.workers.stuck_after = std::chrono::seconds(1);
  Service service(f.config, f.log);
  REQUIRE(f.reaches(StudyState::running));
  CHECK_FALSE(service.broken());
  REQUIRE(soon([&] { return service.broken(); }));
  CHECK(f.study()->state == StudyState::ready);  // for the next start
  CHECK(f.study()->tries == 1);
  CHECK_THAT(f.logged(), Catch::Contains("no sign of progress for 1 s"));
  CHECK(service.stop() == 1);
  CHECK(f.study()->tries == 1);
  const std::ofstream let_go(f.pipe);
}

TEST_CASE("A wrong model or a second server on the same directory stops the start", "[server][service]") {
  ServiceFixture f;
  const dicom::Runtime runtime;
  {
    const Service service(f.config, f.log);
    CHECK_THROWS_WITH(Service(f.config, f.log), Catch::Contains("another server runs on this directory"));
  }
  f.config.model.directory = f.directory.path() / "nowhere";
  CHECK_THROWS_WITH(Service(f.config, f.log), Catch::Contains("nowhere: no model directory"));
}
