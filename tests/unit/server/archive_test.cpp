// Whole studies to a real archive: Orthanc, over DICOM with storage commitment and over DICOMweb.

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "dicom/runtime.h"
#include "dicom/store_scu.h"
#include "server/http_client.h"
#include "server/service.h"
#include "tests/catch.h"
#include "tests/unit/dicom/peer_programs.h"
#include "tests/unit/server/service_fixture.h"

using namespace metserve;
using namespace metserve::server;
using nlohmann::json;

namespace {

constexpr const char* dicomweb_plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";

/// Orthanc with an empty index, which knows MetServe at `metserve_port`.
class Orthanc {
 public:
  Orthanc(const std::filesystem::path& directory, std::uint16_t metserve_port)
      : dicom_port(dicom::test::free_port()), http_port(dicom::test::free_port()) {
    std::filesystem::create_directories(directory);
    const json configuration = {
        {"StorageDirectory", (directory / "db").string()},
        {"IndexDirectory", (directory / "db").string()},
        {"HttpPort", http_port},
        {"DicomPort", dicom_port},
        {"DicomAet", "ARCHIVE"},
        {"AuthenticationEnabled", false},
        {"RemoteAccessAllowed", false},
        {"Plugins", {dicomweb_plugin}},
        {"DicomWeb", {{"Enable", true}, {"Root", "/dicom-web/"}}},
        {"DicomModalities", {{"metserve", {"METSERVE", "127.0.0.1", metserve_port}}}},
    };
    std::ofstream(directory / "orthanc.json") << configuration;
    program_ = std::make_unique<dicom::test::RunningProgram>(
        std::vector<std::string>{"Orthanc", (directory / "orthanc.json").string()}, dicom_port, 60);
  }
  std::size_t instances() const {
    HttpCall request;
    request.url = "http://127.0.0.1:" + std::to_string(http_port) + "/instances";
    return json::parse(call(request).body).size();
  }
  std::uint16_t dicom_port, http_port;

 private:
  std::unique_ptr<dicom::test::RunningProgram> program_;
};

/// A service that has received a study whose only result is a report.
struct ArchiveFixture : ServiceFixture {
  dicom::Runtime runtime;
  std::optional<Orthanc> orthanc;
  std::unique_ptr<Service> service;

  ArchiveFixture() {
    config.dicom.port = dicom::test::free_port();
    orthanc.emplace(directory.path() / "orthanc", config.dicom.port);
  }
  void add_node(bool storage_commitment) {
    DestinationConfig& node = config.destinations.emplace_back();
    node.name = "node";
    node.host = "127.0.0.1";
    node.port = orthanc->dicom_port;
    node.ae_title = "ARCHIVE";
    node.objects = {ObjectKind::report};
    node.storage_commitment = storage_commitment;
  }
  void add_web(const std::string& root) {
    DestinationConfig& web = config.destinations.emplace_back();
    web.name = "web";
    web.url = "http://127.0.0.1:" + std::to_string(orthanc->http_port) + root;
    web.objects = {ObjectKind::report};
  }
  void run_study() {
    service = std::make_unique<Service>(config, log);
    dicom::Peer peer;
    peer.host = "127.0.0.1";
    peer.port = service->dicom_port();
    peer.called_ae_title = config.dicom.ae_title;
    const auto images = write_one_sequence_study(models::Slot::t1_gre_post, directory.path() / "study");
    for (const auto& result : dicom::send_instances(peer, images)) REQUIRE(result.reason.empty());
  }
  json study() const {
    HttpCall request;
    request.url = "http://127.0.0.1:" + std::to_string(service->http_port()) + "/studies";
    const json list = json::parse(call(request).body)["studies"];
    if (list.empty()) return list;
    request.url += "/" + list[0]["key"].get<std::string>();
    return json::parse(call(request).body);
  }
};

bool there_is_dicomweb() {
  if (std::filesystem::exists(dicomweb_plugin)) return true;
  WARN("skipped: Orthanc or its DICOMweb plug-in is not installed (package orthanc-dicomweb)");
  return false;
}

}  // namespace

TEST_CASE("Orthanc takes results over DICOM and commits to keep them", "[server][peers][commitment]") {
  if (!there_is_dicomweb()) return;
  ArchiveFixture f;
  f.add_node(true);
  f.run_study();
  INFO(f.logged());
  REQUIRE(soon([&] { return !f.study().empty() && f.study()["state"] == "done"; }, 300));
  CHECK(f.orthanc->instances() == 1);
  const std::string history = f.study()["history"].dump();
  CHECK_THAT(history,
             Catch::Contains("report is stored at node") && Catch::Contains("report is delivered to node"));
}

TEST_CASE("Orthanc takes results over DICOMweb, and a wrong address needs attention until it is put right",
          "[server][peers][stow]") {
  if (!there_is_dicomweb()) return;
  ArchiveFixture f;
  f.add_web("/wrong");
  f.run_study();
  INFO(f.logged());
  REQUIRE(soon([&] { return !f.study().empty() && f.study()["attention"] == 1; }, 300));
  CHECK_THAT(f.study()["deliveries"][0]["reason"].get<std::string>(), Catch::Contains("HTTP status 404"));
  f.service.reset();
  f.config.destinations.clear();
  f.add_web("/dicom-web");
  f.service = std::make_unique<Service>(f.config, f.log);
  REQUIRE(soon([&] { return f.study()["state"] == "done"; }, 300));
  CHECK(f.orthanc->instances() == 1);
}
