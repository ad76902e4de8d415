#include "server/stow_rs.h"

#include <fstream>
#include <stop_token>

#include <boost/asio.hpp>

#include "dicom/error.h"
#include "dicom/runtime.h"
#include "server/http_server.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/server/canned_answer.h"
#include "tests/unit/server/environment_proxy.h"
#include "tests/unit/server/service_fixture.h"

using namespace metserve;
using namespace metserve::server;
using Outcome = dicom::SendResult::Outcome;

namespace {

const std::vector<dicom::SopReference> two{{"1.2.840.10008.5.1.4.1.1.66.4", "1.1"},
                                           {"1.2.840.10008.5.1.4.1.1.88.34", "1.2"}};

std::vector<dicom::SendResult> results(unsigned status, const std::string& body) {
  return stow_results(two, status, body, "https://a/dicom-web");
}

}  // namespace

TEST_CASE("Each object has the archive's own answer", "[server][stow]") {
  const auto answers = results(202, R"({
    "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.1"]},
                                        "00081196": {"vr": "US", "Value": [45056]}}]},
    "00081198": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]},
                                        "00081197": {"vr": "US", "Value": [290]}}]}})");
  CHECK(answers[0].outcome == Outcome::delivered);
  CHECK_THAT(answers[0].reason, Catch::Contains("stored with warning 0xB000"));
  CHECK(answers[1].outcome == Outcome::permanent);
  CHECK(answers[1].status == 0x0122);
  CHECK_THAT(answers[1].reason, Catch::Contains("https://a/dicom-web: refused with 0x0122"));
}

TEST_CASE("An archive out of resources is tried again, object by object", "[server][stow]") {
  const auto answers = results(409, R"([{"00081198": {"vr": "SQ", "Value": [
    {"00081155": {"vr": "UI", "Value": ["1.1"]}, "00081197": {"vr": "US", "Value": [42752]}},
    {"00081155": {"vr": "UI", "Value": ["1.2"]}}]}}])");
  CHECK(answers[0].outcome == Outcome::transient);
  CHECK(answers[0].status == 0xa700);
  CHECK(answers[1].outcome == Outcome::transient);
}

TEST_CASE(
    "What the archive does not name as stored is not delivered, and the status of HTTP says whether to "
    "try again",
    "[server][stow]") {
  const auto outcome = [](unsigned status) { return results(status, "<html>\nno</html>")[0].outcome; };
  for (const unsigned status : {200U, 202U, 408U, 429U, 500U, 502U, 503U, 507U})
    CHECK(outcome(status) == Outcome::transient);
  for (const unsigned status : {301U, 400U, 401U, 403U, 404U, 409U, 413U, 415U, 501U})
    CHECK(outcome(status) == Outcome::permanent);
  CHECK(results(401, "<html>\nno</html>")[0].reason == "https://a/dicom-web: HTTP status 401");
  CHECK(results(401, "<html>\nno</html>")[0].comment == "<html> no</html>");
}

TEST_CASE("Of two objects, one that is not among the stored ones is not delivered", "[server][stow]") {
  const auto answers = results(200, R"({"00081190": {"vr": "UR", "Value": ["https://a/studies/1"]},
    "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.1"]}}]}})");
  CHECK(answers[0].outcome == Outcome::delivered);
  CHECK(answers[0].reason.empty());
  CHECK(answers[1].outcome == Outcome::transient);
  CHECK_THAT(answers[1].reason, Catch::Contains("it does not name this object as stored"));
}

TEST_CASE("An archive that answers in XML is understood where all was stored", "[server][stow]") {
  const std::string all = R"(<?xml version="1.0"?><NativeDicomModel>
    <DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"><Item number="1">
      <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.1</Value></DicomAttribute></Item>
    </DicomAttribute></NativeDicomModel>)";
  CHECK(results(200, all)[0].outcome == Outcome::delivered);
  CHECK(results(200, all)[1].outcome == Outcome::transient);
  CHECK(results(202, all + R"(<DicomAttribute tag="00081198"/>)")[0].outcome == Outcome::transient);
}

TEST_CASE("An answer that is broken anywhere harms nobody", "[server][stow]") {
  for (const char* body :
       {"", "null", "[]", "{", "[[]]", R"({"00081199": 1})", R"({"00081199": {"Value": 3}})",
        R"({"00081199": {"Value": [1, {"00081155": {"Value": [7]}}, {"00081155": {"Value": []}}]}})",
        R"({"00081198": {"Value": [{"00081155": {"Value": ["1.1"]}, "00081197": {"Value": ["x"]}}]}})"}) {
    CHECK(results(503, body)[0].outcome == Outcome::transient);
    CHECK(results(200, body)[0].outcome == Outcome::transient);
  }
}

TEST_CASE("An archive is called through the environment's proxy", "[server][stow]") {
  const HttpServer proxy({"127.0.0.1", 0}, [](const HttpRequest& request) -> HttpResponse {
    return {request.target == "http://archive.invalid/dicom-web/studies?limit=1" ? 204U : 404U, "", ""};
  });
  const EnvironmentProxy environment("http://127.0.0.1:" + std::to_string(proxy.port()));
  DestinationConfig config;
  config.url = "http://archive.invalid/dicom-web";
  CHECK(WebArchive(config).verify() == "http://archive.invalid/dicom-web answers a query");
}

TEST_CASE("A page with status 200 in place of an archive delivers nothing", "[server][stow][peers]") {
  const ServiceFixture f;
  const dicom::Runtime runtime;
  const auto images = write_one_sequence_study(models::Slot::flair, f.directory.path() / "study");
  const CannedAnswer login({"200", "text/html", "<html>Please log in</html>"}), silence({"200", "", ""}),
      archive({"200", "application/dicom+json",
               R"({"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI",
        "Value": [")" +
                   dicom::sop_reference(images[0]).sop_instance_uid + "\"]}}]}}"});
  const auto sent_to = [&](const CannedAnswer& server) {
    DestinationConfig config;
    config.url = server.url();
    return WebArchive(config).send({images[0]}, {}).at(0);
  };
  CHECK(sent_to(login).outcome == Outcome::transient);
  CHECK_THAT(sent_to(login).reason, Catch::EndsWith("is url a DICOMweb service's?"));
  CHECK(sent_to(login).comment == "<html>Please log in</html>");
  CHECK(sent_to(silence).outcome == Outcome::transient);
  CHECK_THAT(sent_to(silence).reason, Catch::EndsWith("It sent nothing"));
  CHECK(sent_to(archive).outcome == Outcome::delivered);
}

TEST_CASE("An archive answers a query with DICOM JSON, or that there is nothing", "[server][stow]") {
  const auto verified = [](const HttpResponse& answer) {
    const HttpServer server({"127.0.0.1", 0}, [&](const HttpRequest&) { return answer; });
    DestinationConfig config;
    config.url = "http://127.0.0.1:" + std::to_string(server.port());
    try {
      return WebArchive(config).verify();
    } catch (const dicom::Error& error) {
      CHECK(error.kind() == dicom::Error::Kind::peer_permanent);
      return std::string(error.what());
    }
  };
  for (const HttpResponse& answer :
       {HttpResponse{200, "application/dicom+json", "[]"},
        HttpResponse{200, "Application/DICOM+JSON; charset=utf-8", "[{}]"}, HttpResponse{204, "", ""}})
    CHECK_THAT(verified(answer), Catch::EndsWith(" answers a query"));
  CHECK_THAT(
      verified({200, "text/html", "<html>Please log in</html>"}),
      Catch::EndsWith("HTTP status 200, but no DICOM JSON; is url a DICOMweb service's? It sent text/html "
                      "<html>Please log in</html>"));
  CHECK_THAT(verified({200, "application/json", "[]"}), Catch::Contains("no DICOM JSON"));  // Orthanc's own
  CHECK_THAT(verified({404, "text/html", "no"}), Catch::EndsWith("HTTP status 404 no"));
}

TEST_CASE(
    "An Authorization header has no line end, and none of it is sent where it has other control characters",
    "[server][stow]") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "token";
  std::string received;
  const HttpServer server({"127.0.0.1", 0}, [&](const HttpRequest& request) -> HttpResponse {
    received = request.authorization;
    return {204, "", ""};
  });
  DestinationConfig config;
  config.url = "http://127.0.0.1:" + std::to_string(server.port());
  config.authorization_file = file;
  for (const char* line : {"Bearer abc", "Bearer abc\n", "Bearer abc\r\n", "Bearer abc \t\r\n"}) {
    std::ofstream(file) << line;
    received.clear();
    CHECK_NOTHROW(WebArchive(config).verify());
    CHECK(received == "Bearer abc");
  }
  received.clear();
  for (const char* line : {"Bearer\tabc", "Bearer a\rb", "Bearer a\033b",
                           "\xef\xbb\xbf"
                           "Bearer abc"}) {
    std::ofstream(file) << line << "\n";
    CHECK_THROWS_WITH(WebArchive(config).verify(),
                      Catch::StartsWith(file.string() + ": holds control") && !Catch::Contains("Bearer"));
  }
  std::ofstream(file) << " \r\n";
  CHECK_THROWS_WITH(WebArchive(config).verify(), Catch::Contains("holds no line"));
  CHECK(received.empty());
}

TEST_CASE("Nobody at the address and no authorisation are worth another try", "[server][stow]") {
  const ServiceFixture f;
  const dicom::Runtime runtime;
  const auto images = write_one_sequence_study(models::Slot::flair, f.directory.path() / "study");
  DestinationConfig config;
  {
    const HttpServer server({"127.0.0.1", 0}, [](const HttpRequest&) { return HttpResponse{}; });
    config.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/dicom-web";
  }
  const auto away = WebArchive(config).send({images[0]}, {}).at(0);
  CHECK(away.outcome == Outcome::transient);
  CHECK(away.status == 0);
  CHECK_THAT(away.reason, Catch::Contains("no answer"));
  CHECK_FALSE(away.unanswered);
  config.authorization_file = f.directory.path() / "token";
  CHECK_THAT(WebArchive(config).send({images[0]}, {}).at(0).reason,
             Catch::Contains("holds no line for the Authorization header"));
  CHECK_THROWS_WITH(WebArchive(config).send({"/nowhere/seg.dcm"}, {}), Catch::Contains("/nowhere/seg.dcm"));
}

TEST_CASE("An archive that takes an object and hangs up may have it", "[server][stow]") {
  const ServiceFixture f;
  const dicom::Runtime runtime;
  const auto images = write_one_sequence_study(models::Slot::flair, f.directory.path() / "study");
  const auto send_to = [&](const char* status) {
    const CannedAnswer archive({status, "", ""});
    DestinationConfig config;
    config.url = archive.url();
    return WebArchive(config).send({images[0]}, {}).at(0);
  };
  const auto lost = send_to("0");
  CHECK(lost.outcome == Outcome::transient);
  CHECK(lost.unanswered);
  CHECK_FALSE(send_to("503").unanswered);
}

TEST_CASE("A server that stops leaves an archive that does not answer", "[server][stow]") {
  const ServiceFixture f;
  const dicom::Runtime runtime;
  const auto images = write_one_sequence_study(models::Slot::flair, f.directory.path() / "study");
  boost::asio::io_context context;
  const boost::asio::ip::tcp::acceptor silent(context, {boost::asio::ip::address_v4::loopback(), 0});
  DestinationConfig config;
  config.url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/dicom-web";
  std::stop_source server;
  server.request_stop();
  CHECK(WebArchive(config).send({images[0]}, server.get_token()).empty());
}
