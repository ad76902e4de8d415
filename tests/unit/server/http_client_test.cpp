#include "server/http_client.h"

#include <cstdlib>
#include <filesystem>

#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/dicom/certificates.h"
#include "tests/unit/server/canned_answer.h"

using namespace metserve;
using namespace metserve::server;

namespace {

constexpr const char* asking = "Asks whom the environment names";

/// Exit status of a program that has `directory` in place of /etc/ssl/certs, for which no user has to be
/// root.
int status_with_system_authorities(const std::filesystem::path& directory,
                                   const std::vector<std::string>& program) {
  std::vector<std::string> command{
      "unshare", "-rm", "sh", "-c", "mount --bind \"$0\" /etc/ssl/certs && exec \"$@\"", directory.string()};
  command.insert(command.end(), program.begin(), program.end());
  return dicom::test::run_program(command).status;
}

}  // namespace

TEST_CASE(asking, "[.]") {
  const char* const url = std::getenv("METSERVE_TEST_URL");
  if (url == nullptr) return;
  HttpCall request;
  request.url = url;
  request.ca_file = std::getenv("METSERVE_TEST_CA_FILE");
  CHECK(call(request).status == 204);
}

TEST_CASE("With a list of authorities of its own, a server is not believed for one of the system's",
          "[server][http][tls][peers]") {
  const TemporaryDirectory directory;
  const dicom::test::Authority system(directory / "system"), other(directory / "other");
  system.issue("archive", "IP:127.0.0.1");
  other.issue("other", "IP:127.0.0.1");  // a list without anybody of the system's name
  const auto list = directory / "certs";
  std::filesystem::create_directories(list);
  std::filesystem::copy_file(system.path("ca.pem"), list / "system.pem");
  std::filesystem::copy_file(other.path("other.pem"), list / "ca-certificates.crt");  // libcurl wants one
  REQUIRE(dicom::test::run_program({"openssl", "rehash", list.string()}).status == 0);
  if (status_with_system_authorities(list, {"true"}) != 0) {
    WARN("skipped: users have no mounts of their own here");
    return;
  }
  const CannedAnswer archive({"204", "", "", system.path("archive.pem"), system.path("archive.key")});
  const auto believes = [&](const std::string& ca_file) {
    return status_with_system_authorities(
               list, {"env", "METSERVE_TEST_URL=" + archive.secure_url(), "METSERVE_TEST_CA_FILE=" + ca_file,
                      std::filesystem::read_symlink("/proc/self/exe").string(), asking}) == 0;
  };
  CHECK(believes(""));
  CHECK(believes(system.path("ca.pem")));
  CHECK_FALSE(believes(other.path("other.pem")));
}
