#include "dicom/store_scp.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "dicom/error.h"
#include "tests/catch.h"
#include "tests/unit/dicom/collecting_scp.h"
#include "tests/unit/dicom/image_fixtures.h"
#include "tests/unit/dicom/peer_programs.h"

namespace metserve::dicom {
namespace {

using namespace test;
namespace fs = std::filesystem;

/// Four axial slices below `directory`, as 0001.dcm and so on.
std::vector<std::string> series_files(const fs::path& directory) {
  write_edited(directory, [](DcmDataset&, std::size_t) {});
  std::vector<std::string> files;
  for (const auto& file : list_files(directory)) files.push_back(file.string());
  return files;
}

ProgramResult storescu(std::uint16_t port, const std::vector<std::string>& options,
                       const std::vector<std::string>& files, const std::string& called = "METSERVE") {
  std::vector<std::string> command = {"storescu", "-aet", "SCANNER", "-aec", called};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {"127.0.0.1", std::to_string(port)});
  command.insert(command.end(), files.begin(), files.end());
  return run_program(command);
}

TEST_CASE("What storescu sends arrives bit for bit, as files that DCMTK reads", "[dicom][scp][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path());
  const CollectingScp scp;
  REQUIRE(storescu(scp.port(), {}, files).status == 0);

  const auto instances = scp.instances();
  REQUIRE(instances.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& instance = instances[i];
    CHECK(dataset_bytes(instance.part10) == dataset_bytes(read_bytes(files[i])));
    CHECK(instance.calling_ae_title == "SCANNER");
    CHECK(instance.peer_address == "127.0.0.1");
    CHECK(instance.association == 1);
    CHECK(instance.sop_class_uid == "1.2.840.10008.5.1.4.1.1.4");
    CHECK(instance.transfer_syntax_uid == "1.2.840.10008.1.2.1");
    CHECK(instance.study_instance_uid == "2.25.1001");
    CHECK(instance.series_instance_uid == "2.25.1003");
    CHECK(instance.modality == "MR");
  }
  const auto stored = directory.path() / "stored";
  std::ofstream(stored, std::ios::binary)
      .write(reinterpret_cast<const char*>(instances[0].part10.data()),
             static_cast<std::streamsize>(instances[0].part10.size()));
  const auto dump = run_program(
      {"dcmdump", "-Un", "+P", "0002,0000", "+P", "0002,0003", "+P", "0002,0016", stored.string()});
  CHECK(dump.status == 0);
  CHECK_THAT(dump.output, ContainsSubstring(instances[0].sop_instance_uid));
  CHECK_THAT(dump.output, ContainsSubstring("SCANNER"));
  CHECK(scp.scp().counters().instances == files.size());
}

TEST_CASE("Each transfer syntax is kept as it is sent", "[dicom][scp][peers]") {
  struct Case {
    std::vector<std::string> encode;  ///< program and options
    std::string propose, transfer_syntax_uid;
  };
  const std::vector<Case> cases = {
      {{"dcmconv", "+ti"}, "-xi", "1.2.840.10008.1.2"},
      {{"dcmconv", "+te"}, "-xe", "1.2.840.10008.1.2.1"},
      {{"dcmconv", "+tb"}, "-xb", "1.2.840.10008.1.2.2"},
      {{"dcmconv", "+td"}, "-xd", "1.2.840.10008.1.2.1.99"},
      {{"dcmcrle"}, "-xr", "1.2.840.10008.1.2.5"},
      {{"dcmcjpeg", "+e1"}, "-xs", "1.2.840.10008.1.2.4.70"},
      {{"dcmcjpls", "+el"}, "-xt", "1.2.840.10008.1.2.4.80"},
      {{"dcmcjpls", "+en"}, "-xu", "1.2.840.10008.1.2.4.81"},
  };
  const TemporaryDirectory directory;
  const auto source = series_files(directory.path() / "series").front();
  const CollectingScp scp;
  std::size_t received = 0;
  for (const auto& c : cases) {
    INFO(c.transfer_syntax_uid);
    const auto file = (directory.path() / c.propose).string();
    auto encode = c.encode;
    encode.insert(encode.end(), {source, file});
    REQUIRE(run_program(encode).status == 0);
    REQUIRE(storescu(scp.port(), {c.propose}, {file}).status == 0);
    const auto instances = scp.instances();
    REQUIRE(instances.size() == ++received);
    CHECK(instances.back().transfer_syntax_uid == c.transfer_syntax_uid);
    CHECK(instances.back().series_instance_uid == "2.25.1003");
    const bool deflated = c.propose == "-xd";  // the sender inflates and deflates it anew
    if (!deflated) CHECK(dataset_bytes(instances.back().part10) == dataset_bytes(read_bytes(file)));
  }
}

TEST_CASE("JPEG 2000 is not accepted, so that the sender decompresses", "[dicom][scp][peers]") {
  const TemporaryDirectory directory;
  const auto file = series_files(directory.path()).front();
  const CollectingScp scp;
  const auto result = storescu(scp.port(), {"-xv", "-v"}, {file});
  CHECK(result.status == 0);  // uncompressed files go over its other presentation context
  REQUIRE(scp.instances().size() == 1);
  CHECK(scp.instances()[0].transfer_syntax_uid == "1.2.840.10008.1.2.1");
}

TEST_CASE("Eight associations at once deliver everything", "[dicom][scp][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path());
  const CollectingScp scp;
  std::atomic<int> failures{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 8; ++sender)
    senders.emplace_back([&] { failures += storescu(scp.port(), {"--repeat", "4"}, files).status != 0; });
  for (auto& sender : senders) sender.join();
  CHECK(failures == 0);
  std::map<std::string, int> copies;
  for (const auto& instance : scp.instances()) ++copies[instance.sop_instance_uid];
  REQUIRE(copies.size() == files.size());
  for (const auto& [uid, count] : copies) CHECK(count == 32);
  CHECK(scp.scp().counters().associations_accepted == 8);
}

TEST_CASE("C-ECHO is answered", "[dicom][scp][peers]") {
  const CollectingScp scp;
  CHECK(run_program({"echoscu", "-aec", "METSERVE", "127.0.0.1", std::to_string(scp.port())}).status == 0);
}

TEST_CASE("Strangers are rejected with the reason that the standard has for it", "[dicom][scp][peers]") {
  auto options = on_free_port();
  options.callers = {
      {"SCANNER", {}}, {"NEIGHBOUR", {AddressRange("127.0.0.0/8")}}, {"FAR", {AddressRange("192.0.2.0/24")}}};
  const CollectingScp scp(options);
  const auto echo = [&](const std::string& calling, const std::string& called) {
    return run_program({"echoscu", "-aet", calling, "-aec", called, "127.0.0.1", std::to_string(scp.port())});
  };
  CHECK(echo("SCANNER", "METSERVE").status == 0);
  const auto wrong_called = echo("SCANNER", "OTHER");
  CHECK(wrong_called.status != 0);
  CHECK_THAT(wrong_called.output, ContainsSubstring("Called AE Title Not Recognized"));
  const auto wrong_calling = echo("STRANGER", "METSERVE");
  CHECK(wrong_calling.status != 0);
  CHECK_THAT(wrong_calling.output, ContainsSubstring("Calling AE Title Not Recognized"));
  CHECK(echo("NEIGHBOUR", "METSERVE").status == 0);
  const auto wrong_address = echo("FAR", "METSERVE");
  CHECK(wrong_address.status != 0);
  CHECK_THAT(wrong_address.output, ContainsSubstring("Calling AE Title Not Recognized"));
  CHECK(scp.scp().counters().associations_rejected == 3);
}

TEST_CASE("Who associates is told, and who is rejected", "[dicom][scp][peers]") {
  std::mutex mutex;
  std::vector<AssociationEvent> events;
  auto options = on_free_port();
  options.on_association = [&](const AssociationEvent& event) {
    const std::scoped_lock lock(mutex);
    events.push_back(event);
  };
  {
    const CollectingScp scp(options);
    for (const char* called : {"METSERVE", "OTHER"})
      run_program({"echoscu", "-aet", "SCANNER", "-aec", called, "127.0.0.1", std::to_string(scp.port())});
  }
  REQUIRE(events.size() == 3);
  CHECK(events[0].kind == AssociationEvent::Kind::opened);
  CHECK(events[0].association == 1);
  CHECK(events[0].calling_ae_title == "SCANNER");
  CHECK(events[0].peer_address == "127.0.0.1");
  CHECK(events[1].kind == AssociationEvent::Kind::closed);
  CHECK(events[2].kind == AssociationEvent::Kind::rejected);
  CHECK(events[2].called_ae_title == "OTHER");
  CHECK(events[2].reason == "it calls OTHER");
}

TEST_CASE("An association that is open for too long is ended between two messages", "[dicom][scp][peers]") {
  auto options = on_free_port();
  options.association_timeout = std::chrono::seconds(0);
  const CollectingScp scp(options);
  const auto echo = run_program({"echoscu", "-aec", "METSERVE", "127.0.0.1", std::to_string(scp.port())});
  CHECK_THAT(echo.output, ContainsSubstring("aborted"));
}

TEST_CASE("The handler's status reaches the sender", "[dicom][scp][peers]") {
  const TemporaryDirectory directory;
  const auto file = series_files(directory.path()).front();
  const auto answer = [&](const StoreHandler& handler) {
    const StoreScp scp(on_free_port(), handler);
    const auto result = storescu(scp.port(), {"-d"}, {file});
    CHECK(scp.counters().instances == 0);
    CHECK(scp.counters().refused == 1);
    return result.output;
  };
  CHECK_THAT(answer([](ReceivedInstance&&) { return StoreStatus::out_of_resources; }),
             ContainsSubstring("0xa700"));
  CHECK_THAT(answer([](ReceivedInstance&&) { return StoreStatus::cannot_understand; }),
             ContainsSubstring("0xc000"));
  CHECK_THAT(answer([](ReceivedInstance&&) -> StoreStatus { throw std::runtime_error("disk on fire"); }),
             ContainsSubstring("0xa700"));
  CHECK_THAT(answer([](ReceivedInstance&&) -> StoreStatus {
               throw Error(Error::Kind::bad_input, "not our kind of image");
             }),
             ContainsSubstring("0xc000") && ContainsSubstring("not our kind of image"));
}

TEST_CASE("A port that is taken is named", "[dicom][scp]") {
  const CollectingScp first;
  auto options = on_free_port();
  options.port = first.port();
  CHECK_THROWS_WITH(CollectingScp(options), ContainsSubstring("127.0.0.1:" + std::to_string(options.port)));
  options = on_free_port();
  options.ae_title = "SEVENTEEN_LETTERS";
  CHECK_THROWS_AS(CollectingScp(options), Error);
}

TEST_CASE("Stopping lets the C-STORE in hand finish and ends idle associations", "[dicom][scp][peers]") {
  const TemporaryDirectory directory;
  const auto file = series_files(directory.path()).front();
  std::atomic<bool> in_hand{false};
  ProgramResult result;
  std::thread sender;
  const auto began = std::chrono::steady_clock::now();
  {
    const StoreScp scp(on_free_port(), [&](ReceivedInstance&&) {
      in_hand = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      return StoreStatus::success;
    });
    sender = std::thread([&, port = scp.port()] { result = storescu(port, {"-v"}, {file}); });
    while (!in_hand) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(4));
  sender.join();
  CHECK_THAT(result.output, ContainsSubstring("Success"));
}

}  // namespace
}  // namespace metserve::dicom
