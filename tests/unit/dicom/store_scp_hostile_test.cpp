#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dicom/error.h"
#include "dicom/store_scp.h"
#include "tests/catch.h"
#include "tests/unit/dicom/collecting_scp.h"
#include "tests/unit/dicom/peer_programs.h"
#include "tests/unit/dicom/raw_peer.h"

namespace metserve::dicom {
namespace {

using namespace test;
using namespace std::chrono_literals;

const std::string mr = "1.2.840.10008.5.1.4.1.1.4";
const std::string explicit_le = "1.2.840.10008.1.2.1";
const std::string implicit_le = "1.2.840.10008.1.2";

Bytes identifying(const std::string& instance_uid) {
  return element(0x0008, 0x0016, "UI", mr) + element(0x0008, 0x0018, "UI", instance_uid) +
         element(0x0008, 0x0060, "CS", "MR") + element(0x0020, 0x000d, "UI", "1.2.3.4") +
         element(0x0020, 0x000e, "UI", "1.2.3.4.5");
}

bool answers_echo(std::uint16_t port) {
  return run_program({"echoscu", "-to", "5", "-aec", "METSERVE", "127.0.0.1", std::to_string(port)}).status ==
         0;
}

TEST_CASE("Half-open connections hold nobody up and are closed in time", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.request_timeout = 1s;
  options.max_associations = 1;
  const CollectingScp scp(options);
  std::vector<std::unique_ptr<RawPeer>> silent, half;
  const auto request = associate_rq(mr, explicit_le);
  for (int i = 0; i < 5; ++i) {
    silent.push_back(std::make_unique<RawPeer>(scp.port()));
    half.push_back(std::make_unique<RawPeer>(scp.port()));
    half.back()->send(std::span(request).first(request.size() / 2));
  }
  CHECK(answers_echo(scp.port()));
  CHECK(silent[0]->is_closed_within(3s));
  CHECK(half[0]->is_closed_within(3s));
}

TEST_CASE("What is no association request is closed", "[dicom][scp][hostile]") {
  const CollectingScp scp;
  RawPeer browser(scp.port());
  const std::string request = "GET / HTTP/1.1\r\n\r\n";
  browser.send(Bytes(request.begin(), request.end()));
  CHECK(browser.is_closed_within(3s));
  RawPeer huge(scp.port());
  huge.send(Bytes{0x01, 0, 0x7f, 0xff, 0xff, 0xff});
  CHECK(huge.is_closed_within(3s));
  CHECK(answers_echo(scp.port()));
}

TEST_CASE("Associations beyond the limit are rejected for now", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.max_associations = 1;
  const CollectingScp scp(options);
  RawPeer first(scp.port());
  REQUIRE(first.associate(mr, explicit_le));
  RawPeer second(scp.port());
  second.send(associate_rq(mr, explicit_le));
  const auto answer = second.receive_pdu();
  REQUIRE(answer);
  CHECK(answer->first == 0x03);
  CHECK(answer->second == Bytes{0, 2, 3, 2});
  CHECK(scp.scp().counters().associations_rejected == 1);
  CHECK(first.store(mr, "1.2.3.9", identifying("1.2.3.9")) == 0x0000);
}

TEST_CASE("One host cannot take the place of all others", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.max_associations = 4;
  const CollectingScp scp(options);
  RawPeer first(scp.port(), "127.0.0.2"), second(scp.port(), "127.0.0.2"), third(scp.port(), "127.0.0.2");
  REQUIRE(first.associate(mr, explicit_le));
  REQUIRE(second.associate(mr, explicit_le));
  third.send(associate_rq(mr, explicit_le));
  const auto answer = third.receive_pdu();
  REQUIRE(answer);
  CHECK(answer->first == 0x03);
  CHECK(answer->second == Bytes{0, 2, 3, 2});
  RawPeer other(scp.port(), "127.0.0.3");
  CHECK(other.associate(mr, explicit_le));
}

TEST_CASE("A flood of silent connections pushes out its own", "[dicom][scp][hostile]") {
  const CollectingScp scp;
  RawPeer slow(scp.port(), "127.0.0.3");
  std::vector<std::unique_ptr<RawPeer>> flood;
  for (int i = 0; i < 300; ++i) flood.push_back(std::make_unique<RawPeer>(scp.port(), "127.0.0.2"));
  CHECK(flood.front()->is_closed_within(5s));
  CHECK(slow.associate(mr, explicit_le));
}

TEST_CASE("A peer that drips bytes is cut off", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.pdu_timeout = 1s;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  const auto pdu = p_data(store_command(mr, "1.2.3.9"), true, true);
  const auto began = std::chrono::steady_clock::now();
  bool closed = false;
  for (std::size_t i = 0; i < pdu.size() - 1 && !closed; ++i) {
    peer.send(std::span(pdu).subspan(i, 1));
    closed = peer.is_closed_within(100ms);
  }
  CHECK(closed);
  CHECK(std::chrono::steady_clock::now() - began < 4s);
}

TEST_CASE("Whole PDUs with hardly anything in them are too slow as well", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.pdu_timeout = 1s;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  peer.send(p_data(store_command(mr, "1.2.3.9"), true, true));
  bool closed = false;
  for (int i = 0; i < 40 && !closed; ++i) {
    peer.send(p_data(Bytes{0}, false, false));
    closed = peer.is_closed_within(100ms);
  }
  CHECK(closed);
  CHECK(scp.instances().empty());
}

TEST_CASE("Empty fragments and endless command sets end the association", "[dicom][scp][hostile]") {
  const CollectingScp scp;
  RawPeer empty(scp.port());
  REQUIRE(empty.associate(mr, explicit_le));
  for (int i = 0; i < 1000; ++i) empty.send(p_data({}, true, false));
  CHECK(empty.is_closed_within(3s));
  RawPeer endless(scp.port());
  REQUIRE(endless.associate(mr, explicit_le));
  for (int i = 0; i < 100; ++i) endless.send(p_data(Bytes(1000, 0), true, false));
  CHECK(endless.is_closed_within(3s));
  CHECK(answers_echo(scp.port()));
}

TEST_CASE("An idle association is aborted", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.idle_timeout = 1s;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  const auto answer = peer.receive_pdu();
  REQUIRE(answer);
  CHECK(answer->first == 0x07);
}

TEST_CASE("An association aborted in the middle of a dataset leaves nothing", "[dicom][scp][hostile]") {
  const CollectingScp scp;
  {
    RawPeer peer(scp.port());
    REQUIRE(peer.associate(mr, explicit_le));
    peer.send(p_data(store_command(mr, "1.2.3.9"), true, true));
    peer.send(p_data(identifying("1.2.3.9"), false, false));
    peer.send(Bytes{0x07, 0, 0, 0, 0, 4, 0, 0, 0, 0});
  }
  RawPeer other(scp.port());
  REQUIRE(other.associate(mr, explicit_le));
  CHECK(other.store(mr, "1.2.3.10", identifying("1.2.3.10")) == 0x0000);
  REQUIRE(scp.instances().size() == 1);
  CHECK(scp.instances()[0].sop_instance_uid == "1.2.3.10");
}

TEST_CASE("A dataset beyond the limit is refused and the association goes on", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.max_dataset_bytes = 10'000;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  CHECK(peer.store(mr, "1.2.3.9", identifying("1.2.3.9") + Bytes(12'000, 0)) == 0xa700);
  CHECK(peer.store(mr, "1.2.3.10", identifying("1.2.3.10")) == 0x0000);
  CHECK_FALSE(peer.store(mr, "1.2.3.11", identifying("1.2.3.11") + Bytes(100'000, 0)));
  CHECK(scp.instances().size() == 1);
  CHECK(scp.scp().counters().refused == 1);
}

TEST_CASE("A dataset that is not what its command says is refused", "[dicom][scp][hostile]") {
  const CollectingScp scp;
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  CHECK(peer.store(mr, "1.2.3.9", identifying("1.2.3.8")) == 0xa900);
  CHECK(peer.store("1.2.840.10008.5.1.4.1.1.2", "1.2.3.9", identifying("1.2.3.9")) == 0xa900);
  CHECK(peer.store(mr, "../../etc/passwd", identifying("../../etc/passwd")) == 0xc000);
  CHECK(peer.store(mr, "=NoSuchName", identifying("=NoSuchName")) == 0xc000);
  CHECK(peer.store(mr, "1.2.3.9", Bytes(100, 0x41)) == 0xc000);
  const auto no_series = element(0x0008, 0x0016, "UI", mr) + element(0x0008, 0x0018, "UI", "1.2.3.9") +
                         element(0x0020, 0x000d, "UI", "1.2.3.4");
  CHECK(peer.store(mr, "1.2.3.9", no_series) == 0xc000);
  CHECK(scp.instances().empty());
  CHECK(peer.store(mr, "1.2.3.9", identifying("1.2.3.9")) == 0x0000);
}

TEST_CASE("A hundred thousand nested sequences are refused", "[dicom][scp][hostile]") {
  const CollectingScp scp;
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  Bytes nested = identifying("1.2.3.9");
  const Bytes level = {0x40, 0x00, 0x75, 0x02, 'S',  'Q',  0,    0,    0xff, 0xff,
                       0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff};
  for (int i = 0; i < 100'000; ++i) nested.insert(nested.end(), level.begin(), level.end());
  CHECK(peer.store(mr, "1.2.3.9", nested) == 0xc000);
  CHECK(peer.store(mr, "1.2.3.9", identifying("1.2.3.9")) == 0x0000);
}

TEST_CASE("Encodings that a rewriting receiver would change stay as they are", "[dicom][scp][hostile]") {
  const Bytes sequence_of_unknown_length = {
      0x40, 0x00, 0x75, 0x02, 'S',  'Q',  0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff,
      0xff, 0xff, 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0,    0,    0xfe, 0xff, 0xdd, 0xe0, 0,    0,    0,    0};
  const auto group_length = element(0x0008, 0x0000, "UL", std::string("\x2a\0\0\0", 4));
  const auto dataset = group_length + identifying("1.2.3.9") + sequence_of_unknown_length;
  const CollectingScp scp;
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  REQUIRE(peer.store(mr, "1.2.3.9", dataset) == 0x0000);
  CHECK(dataset_bytes(scp.instances()[0].part10) == dataset);
}

TEST_CASE("Stopping ends idle associations at once", "[dicom][scp][hostile]") {
  auto scp = std::make_unique<CollectingScp>();
  RawPeer associated(scp->port()), half_open(scp->port());
  REQUIRE(associated.associate(mr, implicit_le));
  const auto began = std::chrono::steady_clock::now();
  std::thread stop([&] { scp.reset(); });
  const auto answer = associated.receive_pdu();
  CHECK((answer && answer->first == 0x07));
  CHECK(half_open.is_closed_within(3s));
  stop.join();
  CHECK(std::chrono::steady_clock::now() - began < 4s);
}

}  // namespace
}  // namespace metserve::dicom
