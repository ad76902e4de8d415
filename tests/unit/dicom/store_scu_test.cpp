#include "dicom/store_scu.h"

#include <algorithm>
#include <atomic>

#include "dicom/error.h"
#include "tests/catch.h"
#include "tests/unit/dicom/collecting_scp.h"
#include "tests/unit/dicom/image_fixtures.h"
#include "tests/unit/dicom/peer_programs.h"

namespace metserve::dicom {
namespace {

using namespace test;
using Outcome = SendResult::Outcome;
namespace fs = std::filesystem;

Peer peer_at(std::uint16_t port, const std::string& called = "METSERVE") {
  Peer peer;
  peer.host = "127.0.0.1";
  peer.port = port;
  peer.called_ae_title = called;
  peer.calling_ae_title = "SENDER";
  peer.connect_timeout = std::chrono::seconds(2);
  peer.response_timeout = std::chrono::seconds(2);
  return peer;
}

std::vector<fs::path> series_files(const fs::path& directory) {
  write_edited(directory, [](DcmDataset&, std::size_t) {});
  return list_files(directory);
}

Error::Kind failure_of_echo(const Peer& peer) {
  try {
    verify_peer(peer);
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("C-ECHO succeeded");
  return {};
}

TEST_CASE("Files are delivered to storescp over one association, in order", "[dicom][scu][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path() / "series");
  const StoreScpProgram storescp(directory.path() / "received", {});
  const auto results = send_instances(peer_at(storescp.port()), files);
  REQUIRE(results.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    INFO(results[i].reason);
    CHECK(results[i].file == files[i]);
    CHECK(results[i].outcome == Outcome::delivered);
    CHECK(results[i].status == 0);
    CHECK(results[i].reason.empty());
    CHECK(fs::exists(directory.path() / "received" / ("MR." + results[i].sop_instance_uid)));
  }
  CHECK_NOTHROW(verify_peer(peer_at(storescp.port())));
}

TEST_CASE("Compressed files go as they are", "[dicom][scu]") {
  const TemporaryDirectory directory;
  const auto source = series_files(directory.path() / "series").front();
  const auto compressed = directory.path() / "rle.dcm";
  REQUIRE(run_program({"dcmcrle", source.string(), compressed.string()}).status == 0);
  const CollectingScp scp;
  const auto results = send_instances(peer_at(scp.port()), {source, compressed});
  REQUIRE(results.size() == 2);
  CHECK(results[0].outcome == Outcome::delivered);
  CHECK(results[1].outcome == Outcome::delivered);
  const auto instances = scp.instances();
  REQUIRE(instances.size() == 2);
  CHECK(instances[0].transfer_syntax_uid == "1.2.840.10008.1.2.1");
  CHECK(instances[1].transfer_syntax_uid == "1.2.840.10008.1.2.5");
  CHECK(instances[0].association == instances[1].association);
  CHECK(dataset_bytes(instances[1].part10) == dataset_bytes(read_bytes(compressed)));
}

TEST_CASE("A peer that knows only implicit VR gets implicit VR", "[dicom][scu][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path() / "series");
  const StoreScpProgram storescp(directory.path() / "received", {"+xi"});
  const auto results = send_instances(peer_at(storescp.port()), {files[0]});
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == Outcome::delivered);
  const auto received = directory.path() / "received" / ("MR." + results[0].sop_instance_uid);
  const auto dump = run_program({"dcmdump", "-Un", "+P", "0002,0010", received.string()});
  CHECK_THAT(dump.output,
             ContainsSubstring("LittleEndianImplicit") || ContainsSubstring("[1.2.840.10008.1.2]"));
}

TEST_CASE("A compressed file that a peer does not take is refused for good", "[dicom][scu][peers]") {
  const TemporaryDirectory directory;
  const auto source = series_files(directory.path() / "series").front();
  const auto compressed = directory.path() / "rle.dcm";
  REQUIRE(run_program({"dcmcrle", source.string(), compressed.string()}).status == 0);
  const StoreScpProgram storescp(directory.path() / "received", {});
  const auto results = send_instances(peer_at(storescp.port()), {compressed, source});
  REQUIRE(results.size() == 2);
  CHECK(results[0].outcome == Outcome::permanent);
  CHECK_THAT(results[0].reason, ContainsSubstring("presentation context"));
  CHECK(results[1].outcome == Outcome::delivered);
}

TEST_CASE("A stop ends the sending between two files", "[dicom][scu]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path());
  std::stop_source stop;
  StoreScpOptions any_port;
  any_port.ae_title = "TEST";
  any_port.bind_address = "127.0.0.1";
  any_port.port = 0;
  std::atomic<int> received{0};
  const StoreScp scp(any_port, [&](ReceivedInstance&&) {
    if (++received == 2) stop.request_stop();
    return StoreStatus::success;
  });
  const auto results = send_instances(peer_at(scp.port(), "TEST"), files, stop.get_token());
  REQUIRE(results.size() == 2);
  CHECK(results[1].outcome == Outcome::delivered);
  CHECK(received == 2);
  CHECK(send_instances(peer_at(scp.port(), "TEST"), files, stop.get_token()).empty());
}

TEST_CASE("A closed port is worth another try", "[dicom][scu]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path());
  const auto peer = peer_at(free_port());
  const auto results = send_instances(peer, files);
  REQUIRE(results.size() == files.size());
  CHECK(std::all_of(results.begin(), results.end(), [](const auto& result) {
    return result.outcome == Outcome::transient && !result.reason.empty() && !result.reached &&
           !result.unanswered;
  }));
  CHECK(failure_of_echo(peer) == Error::Kind::peer_transient);
}

TEST_CASE("A rejected association is permanent with its reason", "[dicom][scu]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path());
  const CollectingScp scp;
  const auto results = send_instances(peer_at(scp.port(), "OTHER"), {files[0]});
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == Outcome::permanent);
  CHECK_THAT(results[0].reason, ContainsSubstring("called AE title not recognised"));
  CHECK(failure_of_echo(peer_at(scp.port(), "OTHER")) == Error::Kind::peer_permanent);
}

TEST_CASE("A peer that refuses every association is permanent", "[dicom][scu][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path() / "series");
  const StoreScpProgram storescp(directory.path() / "received", {"--refuse"});
  const auto result = send_instances(peer_at(storescp.port()), {files[0]}).at(0);
  CHECK(result.outcome == Outcome::permanent);
  CHECK_THAT(result.reason, ContainsSubstring("it rejects the association"));
}

TEST_CASE("The peer's status decides whether another try makes sense", "[dicom][scu]") {
  const TemporaryDirectory directory;
  const auto file = series_files(directory.path()).front();
  const auto send_to = [&](const StoreHandler& handler) {
    const StoreScp scp(on_free_port(), handler);
    return send_instances(peer_at(scp.port()), {file}).at(0);
  };
  const auto full = send_to([](ReceivedInstance&&) { return StoreStatus::out_of_resources; });
  CHECK(full.outcome == Outcome::transient);
  CHECK(full.status == 0xa700);
  const auto refused = send_to([](ReceivedInstance&&) -> StoreStatus {
    throw Error(Error::Kind::bad_input, "only MR is wanted here");
  });
  CHECK(refused.outcome == Outcome::permanent);
  CHECK(refused.status == 0xc000);
  CHECK_THAT(refused.reason, ContainsSubstring("refused with status 0xC000"));
  CHECK(refused.comment == "only MR is wanted here");
  const auto warned = send_to([](ReceivedInstance&&) { return static_cast<StoreStatus>(0xb000); });
  CHECK(warned.outcome == Outcome::delivered);
  CHECK_THAT(warned.reason, ContainsSubstring("stored with warning 0xB000"));
}

TEST_CASE("An abort leaves the rest for another try", "[dicom][scu][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path() / "series");
  const StoreScpProgram storescp(directory.path() / "received", {"--abort-after"});
  const auto results = send_instances(peer_at(storescp.port()), files);
  REQUIRE(results.size() == files.size());
  for (const auto& result : results) {
    CHECK(result.outcome == Outcome::transient);
    CHECK(result.reached);
    CHECK(result.unanswered == (&result == results.data()));  // the others were not begun
  }
}

TEST_CASE("A peer that answers nothing, not even an abort, is given up in time", "[dicom][scu][peers]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path() / "series");
  const StoreScpProgram storescp(directory.path() / "received", {"--sleep-during", "60"});
  auto peer = peer_at(storescp.port());
  peer.response_timeout = std::chrono::seconds(4);
  const auto began = std::chrono::steady_clock::now();
  const auto results = send_instances(peer, {files[0]});
  CHECK(results.at(0).outcome == Outcome::transient);
  CHECK_THAT(results.at(0).reason, ContainsSubstring("no answer in time"));
  CHECK(results.at(0).unanswered);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(7));
}

TEST_CASE("A file that is not there or cut off is an error of ours", "[dicom][scu]") {
  const TemporaryDirectory directory;
  const auto files = series_files(directory.path());
  fs::resize_file(files[1], fs::file_size(files[1]) - 10);
  CHECK_THROWS_WITH(send_instances(peer_at(104), {"/nowhere/slice.dcm"}),
                    ContainsSubstring("/nowhere/slice.dcm"));
  CHECK_THROWS_WITH(send_instances(peer_at(104), files), ContainsSubstring(files[1].string()));
}

TEST_CASE("Real images of many encodings go from our sender to our receiver", "[dicom][scu][scp][data]") {
  const auto data = test_data();
  if (!data) return;
  auto files = list_files(*data / "transfer_syntaxes" / "nema_wg04_mr");
  for (const auto& file : list_files(*data / "siemens_xa30_enhanced")) files.push_back(file);
  const CollectingScp scp;
  std::size_t delivered = 0;
  for (const auto& result : send_instances(peer_at(scp.port()), files)) {
    INFO(result.file << ": " << result.reason);
    const bool jpeg_2000 = result.file.string().find("J2K") != std::string::npos;
    CHECK(result.outcome == (jpeg_2000 ? Outcome::permanent : Outcome::delivered));
    if (!jpeg_2000) ++delivered;
  }
  CHECK(delivered > 20);
  CHECK(scp.instances().size() == delivered);
}

}  // namespace
}  // namespace metserve::dicom
