#include "dicom/tls.h"

#include <atomic>
#include <memory>
#include <mutex>

#include "dicom/error.h"
#include "dicom/store_scu.h"
#include "tests/catch.h"
#include "tests/unit/dicom/certificates.h"
#include "tests/unit/dicom/collecting_scp.h"
#include "tests/unit/dicom/image_fixtures.h"
#include "tests/unit/dicom/raw_peer.h"

namespace metserve::dicom {
namespace {

using namespace test;
using Outcome = SendResult::Outcome;
namespace fs = std::filesystem;

struct TlsFixture {
  TemporaryDirectory directory;
  Authority authority{directory.path() / "authority"};
  TlsFixture() {
    authority.issue("server", "IP:127.0.0.1");
    authority.issue("scanner", "DNS:scanner");
  }
  TlsOptions server(bool ask_for_certificates) const {
    TlsOptions options{
        .certificate = authority.path("server.pem"), .key = authority.path("server.key"), .trusted = {}};
    if (ask_for_certificates) options.trusted = authority.path("ca.pem");
    return options;
  }
  StoreScpOptions under_tls(bool ask_for_certificates) const {
    auto options = on_free_port();
    options.tls = std::make_shared<Tls>(Tls::Role::server, server(ask_for_certificates));
    return options;
  }
  Peer peer_at(std::uint16_t port, const std::string& host = "127.0.0.1") const {
    Peer peer;
    peer.host = host;
    peer.port = port;
    peer.called_ae_title = "METSERVE";
    peer.response_timeout = std::chrono::seconds(5);
    peer.tls = TlsOptions{.certificate = authority.path("scanner.pem"),
                          .key = authority.path("scanner.key"),
                          .trusted = authority.path("ca.pem")};
    return peer;
  }
  std::vector<fs::path> images() const {
    write_edited(directory.path() / "images", [](DcmDataset&, std::size_t) {});
    return list_files(directory.path() / "images");
  }
  bool echoes(std::uint16_t port, std::vector<std::string> options) const {
    options.insert(options.begin(), {"echoscu", "-to", "5", "-ta", "5", "-aec", "METSERVE"});
    options.insert(options.end(), {"127.0.0.1", std::to_string(port)});
    return run_program(options).status == 0;
  }
};

TEST_CASE("Under TLS nobody is heard in the clear", "[dicom][tls][peers]") {
  const TlsFixture f;
  const CollectingScp scp(f.under_tls(false));
  CHECK(f.echoes(scp.port(), {"+tla", "+cf", f.authority.path("ca.pem")}));
  CHECK_FALSE(f.echoes(scp.port(), {}));
  const Authority other(f.directory.path() / "other");
  CHECK_FALSE(f.echoes(scp.port(), {"+tla", "+cf", other.path("ca.pem")}));
}

TEST_CASE("Where certificates are asked for, those of our authority alone get in", "[dicom][tls][peers]") {
  const TlsFixture f;
  std::mutex mutex;
  std::vector<AssociationEvent> events;
  auto options = f.under_tls(true);
  options.on_association = [&](const AssociationEvent& event) {
    const std::scoped_lock lock(mutex);
    events.push_back(event);
  };
  const CollectingScp scp(options);
  const std::vector<std::string> trusting = {"+cf", f.authority.path("ca.pem")};
  const auto with_certificate = [&](const Authority& authority) {
    return f.echoes(scp.port(), {"+tls", authority.path("scanner.key"), authority.path("scanner.pem"), "+cf",
                                 f.authority.path("ca.pem")});
  };
  CHECK(with_certificate(f.authority));
  CHECK_FALSE(f.echoes(scp.port(), {"+tla", "+cf", f.authority.path("ca.pem")}));
  const Authority other(f.directory.path() / "other");
  other.issue("scanner", "DNS:scanner");
  CHECK_FALSE(with_certificate(other));
  const std::scoped_lock lock(mutex);
  REQUIRE(events.size() >= 3);
  CHECK(events.front().kind == AssociationEvent::Kind::opened);
  CHECK(events.front().certificate == "scanner");
  CHECK(events.back().kind == AssociationEvent::Kind::rejected);
}

TEST_CASE("Images pass under TLS bit for bit, from storescu and from our sender", "[dicom][tls][peers]") {
  const TlsFixture f;
  const auto files = f.images();
  const CollectingScp scp(f.under_tls(true));
  REQUIRE(run_program({"storescu", "-aec", "METSERVE", "+tls", f.authority.path("scanner.key"),
                       f.authority.path("scanner.pem"), "+cf", f.authority.path("ca.pem"), "127.0.0.1",
                       std::to_string(scp.port()), files[0].string()})
              .status == 0);
  for (const auto& result : send_instances(f.peer_at(scp.port()), files)) {
    INFO(result.reason);
    CHECK(result.outcome == Outcome::delivered);
  }
  const auto instances = scp.instances();
  REQUIRE(instances.size() == 1 + files.size());
  CHECK(dataset_bytes(instances[0].part10) == dataset_bytes(read_bytes(files[0])));
  for (std::size_t i = 0; i < files.size(); ++i)
    CHECK(dataset_bytes(instances[i + 1].part10) == dataset_bytes(read_bytes(files[i])));
}

TEST_CASE("Our sender speaks TLS with storescp, and with nobody under another name", "[dicom][tls][peers]") {
  const TlsFixture f;
  const auto files = f.images();
  const StoreScpProgram storescp(f.directory.path() / "received",
                                 {"+tls", f.authority.path("server.key"), f.authority.path("server.pem"),
                                  "+cf", f.authority.path("ca.pem")});
  CHECK(send_instances(f.peer_at(storescp.port()), files).front().outcome == Outcome::delivered);
  const auto wrong_name = send_instances(f.peer_at(storescp.port(), "localhost"), files).front();
  CHECK(wrong_name.outcome == Outcome::transient);
  CHECK_THAT(wrong_name.reason, Catch::Contains("ostname mismatch"));
}

TEST_CASE("Certificates are exchanged while the server runs, and bad ones change nothing",
          "[dicom][tls][peers]") {
  const TlsFixture f;
  const auto tls = std::make_shared<Tls>(Tls::Role::server, f.server(false));
  auto options = on_free_port();
  options.tls = tls;
  const CollectingScp scp(options);
  const Authority next(f.directory.path() / "next");
  next.issue("server", "IP:127.0.0.1");
  const auto trusts_next = [&] { return f.echoes(scp.port(), {"+tla", "+cf", next.path("ca.pem")}); };
  CHECK_FALSE(trusts_next());
  fs::copy_file(next.path("server.pem"), f.authority.path("server.pem"),
                fs::copy_options::overwrite_existing);
  CHECK_THROWS_WITH(tls->reload(), Catch::Contains("server.key is not the key of"));
  CHECK_FALSE(trusts_next());
  fs::copy_file(next.path("server.key"), f.authority.path("server.key"),
                fs::copy_options::overwrite_existing);
  tls->reload();
  CHECK(trusts_next());
}

TEST_CASE("Who is on a revocation list gets in no more, and nobody does without a list that holds",
          "[dicom][tls][peers]") {
  const TlsFixture f;
  f.authority.issue("neighbour", "DNS:neighbour");
  f.authority.list_revoked();
  auto files = f.server(true);
  files.crl = f.authority.path("crl.pem");
  const auto tls = std::make_shared<Tls>(Tls::Role::server, files);
  auto options = on_free_port();
  options.tls = tls;
  const CollectingScp scp(options);
  const auto gets_in = [&](const std::string& name) {
    return f.echoes(scp.port(), {"+tls", f.authority.path(name + ".key"), f.authority.path(name + ".pem"),
                                 "+cf", f.authority.path("ca.pem")});
  };
  CHECK(gets_in("scanner"));
  CHECK(tls->lists_valid_until() > std::chrono::system_clock::now());
  f.authority.revoke("scanner");
  tls->reload();
  CHECK_FALSE(gets_in("scanner"));
  CHECK(gets_in("neighbour"));
  f.authority.list_revoked("20200102000000Z");
  tls->reload();
  CHECK_FALSE(gets_in("neighbour"));
  CHECK(tls->lists_valid_until() < std::chrono::system_clock::now());
  const Authority other(f.directory.path() / "other");
  other.list_revoked();
  fs::copy_file(other.path("crl.pem"), f.authority.path("crl.pem"), fs::copy_options::overwrite_existing);
  tls->reload();
  CHECK_FALSE(gets_in("neighbour"));
  fs::remove(f.authority.path("crl.pem"));
  CHECK_THROWS_WITH(tls->reload(), Catch::Contains("crl.pem"));
}

TEST_CASE("No session is taken up again, which would spare a caller the look at its certificate",
          "[dicom][tls][peers]") {
  const TlsFixture f;
  const CollectingScp scp(f.under_tls(true));
  const fs::path saved = f.directory.path() / "session";
  const auto handshake = [&](const std::string& session) {
    return run_program({"sh", "-c",
                        "sleep 1 | openssl s_client -connect 127.0.0.1:" + std::to_string(scp.port()) +
                            " -cert " + f.authority.path("scanner.pem") + " -key " +
                            f.authority.path("scanner.key") + " " + session})
        .output;
  };
  CHECK_THAT(handshake("-sess_out " + saved.string()), Catch::Contains("New, TLSv1.3"));
  const std::string again = handshake(fs::exists(saved) ? "-sess_in " + saved.string() : "");
  CHECK_THAT(again, Catch::Contains("New, TLSv1.3") && !Catch::Contains("Reused"));
}

TEST_CASE("A caller whose certificate is named is believed with that certificate alone",
          "[dicom][tls][peers]") {
  const TlsFixture f;
  f.authority.issue("neighbour", "DNS:other.hospital");
  auto options = f.under_tls(true);
  options.callers = {{"SCANNER", {}, "scanner"}, {"PACS", {}, "Other.Hospital"}, {"ANY", {}}};
  const CollectingScp scp(options);
  const auto gets_in = [&](const std::string& title, const std::string& name) {
    return f.echoes(scp.port(), {"-aet", title, "+tls", f.authority.path(name + ".key"),
                                 f.authority.path(name + ".pem"), "+cf", f.authority.path("ca.pem")});
  };
  CHECK(gets_in("SCANNER", "scanner"));
  CHECK_FALSE(gets_in("SCANNER", "neighbour"));
  CHECK(gets_in("PACS", "neighbour"));
  CHECK_FALSE(gets_in("PACS", "scanner"));
  CHECK(gets_in("ANY", "neighbour"));
}

TEST_CASE("A file that TLS needs and that is not there is named", "[dicom][tls]") {
  const auto make = [](Tls::Role role, const TlsOptions& options) { return Tls(role, options); };
  CHECK_THROWS_WITH(make(Tls::Role::server, {}), Catch::Contains("no certificate"));
  CHECK_THROWS_WITH(
      make(Tls::Role::server, {.certificate = "/nowhere/a.pem", .key = "/nowhere/a.key", .trusted = {}}),
      Catch::Contains("/nowhere/a.pem"));
  CHECK_THROWS_WITH(make(Tls::Role::client, {}), Catch::Contains("trusted certificates"));
}

TEST_CASE("Files of a sender that are wrong at the moment are a reason to try again", "[dicom][tls]") {
  const TlsFixture f;
  auto peer = f.peer_at(1);
  peer.tls->trusted = "/nowhere/ca.pem";
  const auto result = send_instances(peer, f.images()).front();
  CHECK(result.outcome == Outcome::transient);
  CHECK_THAT(result.reason, Catch::Contains("/nowhere/ca.pem"));
}

TEST_CASE("Under TLS, who connects and goes again is no alarm, and who says nonsense is", "[dicom][tls]") {
  const TlsFixture f;
  std::atomic<int> alarms{0};
  auto options = f.under_tls(false);
  options.on_association = [&](const AssociationEvent&) { ++alarms; };
  const CollectingScp scp(options);
  { const RawPeer goes(scp.port()); }
  { RawPeer(scp.port()).send(Bytes{22, 3, 1, 2, 0, 1, 0}); }
  RawPeer stays(scp.port());
  stays.send(Bytes{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'});
  CHECK(stays.is_closed_within(std::chrono::seconds(4)));
  CHECK(alarms == 1);
}

TEST_CASE("Handshakes that go nowhere hold nobody up and end in time", "[dicom][tls][hostile]") {
  const TlsFixture f;
  auto options = f.under_tls(false);
  options.request_timeout = std::chrono::seconds(1);
  options.max_associations = 1;
  const CollectingScp scp(options);
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(std::make_unique<RawPeer>(scp.port()));
  silent[1]->send(Bytes{22, 3, 1, 2, 0, 1, 0});
  CHECK(f.echoes(scp.port(), {"+tla", "+cf", f.authority.path("ca.pem")}));
  for (const auto& peer : silent) CHECK(peer->is_closed_within(std::chrono::seconds(4)));
}

}  // namespace
}  // namespace metserve::dicom
