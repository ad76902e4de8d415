#include "server/start_check.h"

#include <fstream>

#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve;
using namespace metserve::server;

TEST_CASE("Lines are appended to files, pipes and devices, not to directories", "[server][check]") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log";
  CHECK(check_appendable(file) == file);
  CHECK_FALSE(std::filesystem::exists(file));
  std::ofstream(file) << "line";
  CHECK(check_appendable(file) == file);
  CHECK(check_appendable("/dev/null") == "/dev/null");
  CHECK_THROWS_WITH(check_appendable(directory.path()),
                    Catch::StartsWith(directory.path().string() + ": is a directory"));
  CHECK_THROWS_WITH(check_appendable(directory.path() / "nowhere/log"),
                    Catch::Contains("nowhere: cannot be"));
}

TEST_CASE("DICOM and HTTP need a port each", "[server][check]") {
  Config config;
  config.dicom.port = config.http.port = 8080;
  CHECK_THROWS_WITH(check_ports(config), Catch::Contains("dicom.port and http.port are both 8080"));
  config.http.bind_address = config.dicom.bind_address = "127.0.0.1";
  CHECK_THROWS_WITH(check_ports(config), Catch::Contains("8080"));
  config.dicom.bind_address = "192.168.1.5";
  CHECK_NOTHROW(check_ports(config));
  config.http.bind_address = config.dicom.bind_address;
  config.dicom.port = config.http.port = 0;
  CHECK_NOTHROW(check_ports(config));
  config.dicom.port = 104;
  CHECK(check_ports(config) == "DICOM 104, HTTP 0");
}
