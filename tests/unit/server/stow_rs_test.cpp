#include "server/stow_rs.h"

#include <fstream>

#include "dicom/runtime.h"
#include "server/http_server.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
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

TEST_CASE("Where the archive says nothing of an object, the status of HTTP decides", "[server][stow]") {
  const auto outcome = [](unsigned status) { return results(status, "<html>\nno</html>")[0].outcome; };
  CHECK(outcome(200) == Outcome::delivered);
  CHECK(outcome(202) == Outcome::transient);
  for (const unsigned status : {408U, 429U, 500U, 502U, 503U, 507U})
    CHECK(outcome(status) == Outcome::transient);
  for (const unsigned status : {301U, 400U, 401U, 403U, 404U, 409U, 413U, 415U, 501U})
    CHECK(outcome(status) == Outcome::permanent);
  CHECK(results(401, "<html>\nno</html>")[0].reason ==
        "https://a/dicom-web: HTTP status 401 <html> no</html>");
}

TEST_CASE("An answer that is broken anywhere harms nobody", "[server][stow]") {
  for (const char* body :
       {"", "null", "[]", "{", "[[]]", R"({"00081199": 1})", R"({"00081199": {"Value": 3}})",
        R"({"00081199": {"Value": [1, {"00081155": {"Value": [7]}}, {"00081155": {"Value": []}}]}})",
        R"({"00081198": {"Value": [{"00081155": {"Value": ["1.1"]}, "00081197": {"Value": ["x"]}}]}})"}) {
    CHECK(results(503, body)[0].outcome == Outcome::transient);
  }
}

TEST_CASE("An archive is called through the environment's proxy", "[server][stow]") {
  const HttpServer proxy({"127.0.0.1", 0}, [](const HttpRequest& request) -> HttpResponse {
    return {request.target == "http://archive.invalid/dicom-web/studies?limit=1" ? 200U : 404U, "", ""};
  });
  const EnvironmentProxy environment("http://127.0.0.1:" + std::to_string(proxy.port()));
  DestinationConfig config;
  config.url = "http://archive.invalid/dicom-web";
  CHECK(WebArchive(config).verify() == "http://archive.invalid/dicom-web answers a query");
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
  config.authorization_file = f.directory.path() / "token";
  CHECK_THAT(WebArchive(config).send({images[0]}, {}).at(0).reason,
             Catch::Contains("holds no line for the Authorization header"));
  CHECK_THROWS_WITH(WebArchive(config).send({"/nowhere/seg.dcm"}, {}), Catch::Contains("/nowhere/seg.dcm"));
}
