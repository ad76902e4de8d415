// What one peer can take of a storage SCP's memory, time and log.

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/oflog/appender.h>
#include <dcmtk/oflog/oflog.h>
#include <dcmtk/oflog/spi/logevent.h>

#include "dicom/network_log.h"
#include "dicom/store_scp.h"
#include "tests/catch.h"
#include "tests/unit/dicom/collecting_scp.h"
#include "tests/unit/dicom/raw_peer.h"

namespace metserve::dicom {
namespace {

using namespace test;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

const std::string mr = "1.2.840.10008.5.1.4.1.1.4";
const std::string explicit_le = "1.2.840.10008.1.2.1";

Bytes image(const std::string& instance_uid, std::size_t pixel_bytes) {
  Bytes pixels = {0xe0, 0x7f, 0x10, 0x00, 'O', 'W', 0, 0};
  for (int shift = 0; shift < 32; shift += 8)
    pixels.push_back(static_cast<std::uint8_t>(pixel_bytes >> shift));
  return element(0x0008, 0x0016, "UI", mr) + element(0x0008, 0x0018, "UI", instance_uid) +
         element(0x0020, 0x000d, "UI", "1.2.3.4") + element(0x0020, 0x000e, "UI", "1.2.3.4.5") + pixels +
         Bytes(pixel_bytes, 0);
}

/// The lines of the log about peers.
class LogLines {
 public:
  LogLines() : appender_(new Appender(*this)) { logger().addAppender(appender_); }
  ~LogLines() { logger().removeAppender(appender_); }
  std::vector<std::string> lines() const {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }

 private:
  class Appender : public dcmtk::log4cplus::Appender {
   public:
    explicit Appender(LogLines& to) : to_(to) {}
    ~Appender() override { destructorImpl(); }
    void close() override {}

   protected:
    void append(const dcmtk::log4cplus::spi::InternalLoggingEvent& event) override {
      const std::scoped_lock lock(to_.mutex_);
      to_.lines_.emplace_back(event.getMessage().c_str());
    }

   private:
    LogLines& to_;
  };

  static OFLogger logger() { return OFLog::getLogger(log_name); }

  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  dcmtk::log4cplus::SharedAppenderPtr appender_;
};

/// Sends fragments of `bytes` at `interval` until it is cut off; how long that took, or nothing.
std::optional<std::chrono::milliseconds> cut_off_after(RawPeer& peer, std::size_t bytes,
                                                       std::chrono::milliseconds interval,
                                                       std::chrono::milliseconds limit) {
  const auto began = Steady::now();
  while (Steady::now() - began < limit) {
    peer.send(p_data(Bytes(bytes, 0), false, false));
    if (peer.is_closed_within(interval))
      return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began);
  }
  return std::nullopt;
}

TEST_CASE("Bytes that came fast are no credit for crumbs", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.pdu_timeout = 1s;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  peer.send(p_data(store_command(mr, "1.2.3.9"), true, true));
  for (int i = 0; i < 100; ++i) peer.send(p_data(Bytes(10'000, 0), false, false));
  CHECK(cut_off_after(peer, 2, 100ms, 5s));
}

TEST_CASE("A message that stalls ends after one time for a PDU", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.pdu_timeout = 1s;
  options.idle_timeout = 60s;
  const CollectingScp scp(options);
  RawPeer stalling(scp.port()), idle(scp.port());
  REQUIRE(stalling.associate(mr, explicit_le));
  REQUIRE(idle.associate(mr, explicit_le));
  stalling.send(p_data(store_command(mr, "1.2.3.9"), true, true));
  for (int i = 0; i < 100; ++i) stalling.send(p_data(Bytes(10'000, 0), false, false));
  CHECK(stalling.is_closed_within(5s));
  CHECK(idle.store(mr, "1.2.3.10", image("1.2.3.10", 10)) == 0x0000);
}

TEST_CASE("A slow line that keeps its pace is served", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.pdu_timeout = 1s;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  const auto dataset = image("1.2.3.9", 20'000);
  peer.send(p_data(store_command(mr, "1.2.3.9"), true, true));
  constexpr std::size_t step = 1000;  // some 5,000 bytes a second, beside a limit of 1,024
  for (std::size_t sent = 0; sent < dataset.size(); sent += step) {
    const auto end = std::min(sent + step, dataset.size());
    const Bytes fragment(dataset.begin() + static_cast<std::ptrdiff_t>(sent),
                         dataset.begin() + static_cast<std::ptrdiff_t>(end));
    peer.send(p_data(fragment, false, end == dataset.size()));
    std::this_thread::sleep_for(200ms);
  }
  CHECK(peer.receive_store_status() == 0x0000);
}

TEST_CASE("An association's end is kept within a message too", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.pdu_timeout = 1s;
  options.association_timeout = 1s;
  const CollectingScp scp(options);
  RawPeer peer(scp.port());
  REQUIRE(peer.associate(mr, explicit_le));
  peer.send(p_data(store_command(mr, "1.2.3.9"), true, true));
  const auto after = cut_off_after(peer, 1000, 100ms, 8s);
  REQUIRE(after);
  CHECK(*after > 1500ms);  // with one time for a PDU on top
}

TEST_CASE("What all datasets together take has a bound, and one host gets half", "[dicom][scp][hostile]") {
  auto options = on_free_port();
  options.max_buffered_bytes = 200'000;
  const CollectingScp scp(options);
  RawPeer same(scp.port(), "127.0.0.2"), other(scp.port(), "127.0.0.3");
  REQUIRE(same.associate(mr, explicit_le));
  REQUIRE(other.associate(mr, explicit_le));
  const auto status_of = [](RawPeer& peer) { return peer.store(mr, "1.2.3.10", image("1.2.3.10", 30'000)); };
  // Whichever of one host comes too late is refused: the second of them, unless the machine is slow.
  bool refused = false;
  for (int tries = 0; tries < 20 && !refused; ++tries) {
    RawPeer greedy(scp.port(), "127.0.0.2");
    REQUIRE(greedy.associate(mr, explicit_le));
    greedy.send(p_data(store_command(mr, "1.2.3.9"), true, true));
    for (int i = 0; i < 9; ++i) greedy.send(p_data(Bytes(10'000, 0), false, false));
    std::this_thread::sleep_for(100ms);
    refused = status_of(same) == 0xa700;
    CHECK(status_of(other) == 0x0000);
  }
  CHECK(refused);
  bool taken = false;  // once the server has seen that the greedy one is gone
  for (int tries = 0; tries < 100 && !taken; ++tries) {
    taken = status_of(same) == 0x0000;
    std::this_thread::sleep_for(50ms);
  }
  CHECK(taken);
}

TEST_CASE("A malformed association request is counted and told", "[dicom][scp][hostile]") {
  std::mutex mutex;
  std::vector<AssociationEvent> told;
  auto options = on_free_port();
  options.on_association = [&](const AssociationEvent& event) {
    const std::scoped_lock lock(mutex);
    told.push_back(event);
  };
  const CollectingScp scp(options);
  RawPeer peer(scp.port(), "127.0.0.2");
  auto request = associate_rq(mr, explicit_le);
  std::fill_n(request.begin() + 10, 16, static_cast<std::uint8_t>(' '));  // the called AE title
  peer.send(request);
  CHECK(peer.is_closed_within(5s));
  CHECK(scp.scp().counters().associations_rejected == 1);
  const std::scoped_lock lock(mutex);
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == AssociationEvent::Kind::rejected);
  CHECK(told[0].peer_address == "127.0.0.2");
  CHECK_THAT(told[0].reason, Catch::Contains("an AE title is empty"));
}

TEST_CASE("A host that keeps knocking is counted in the log, others are named", "[dicom][scp][hostile]") {
  const LogLines log;
  auto malformed = associate_rq(mr, explicit_le);
  std::fill_n(malformed.begin() + 10, 16, static_cast<std::uint8_t>(' '));
  {
    const CollectingScp scp;
    for (int i = 0; i < 100; ++i) {
      RawPeer peer(scp.port(), "127.0.0.2");
      peer.send(i % 2 == 0 ? Bytes{0x47, 0x45, 0x54, 0x20, 0x2f, 0x20} : malformed);
      CHECK(peer.is_closed_within(5s));
    }
    RawPeer other(scp.port(), "127.0.0.3");
    other.send(Bytes{0x47, 0x45, 0x54, 0x20, 0x2f, 0x20});
    CHECK(other.is_closed_within(5s));
  }
  const auto lines = log.lines();
  const auto with = [&](const std::string& text) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  CHECK(with("connection from 127.0.0.2") == 20);
  CHECK(with("connection from 127.0.0.3") == 1);
  CHECK(with("80 more from 127.0.0.2 within a minute") == 1);
  CHECK(lines.size() == 22);
}

TEST_CASE("Images that are refused one after the other are counted in the log", "[dicom][scp][hostile]") {
  const LogLines log;
  {
    const CollectingScp scp;
    RawPeer peer(scp.port());
    REQUIRE(peer.associate(mr, explicit_le));
    for (int i = 0; i < 210; ++i) CHECK(peer.store(mr, "1.2.3.9", image("1.2.3.8", 10)) == 0xa900);
  }
  const auto lines = log.lines();
  CHECK(lines.size() >= 201);
  CHECK(lines.size() <= 202);  // the association's end is one more
  CHECK_THAT(lines.back(), Catch::Contains("10 more from 127.0.0.1"));
}

}  // namespace
}  // namespace metserve::dicom
