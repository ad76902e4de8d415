#include <algorithm>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/oflog/oflog.h>

#include "dicom/network_log.h"
#include "dicom/runtime.h"
#include "tests/catch.h"

namespace metserve::server {
namespace {

TEST_CASE("Of DCMTK's own lines so many a minute are handed on, of ours all", "[server][log]") {
  std::vector<std::string> lines;
  const dicom::Runtime runtime([&lines](dicom::LogLevel, const std::string& line) { lines.push_back(line); });
  const OFLogger library = OFLog::getLogger("dcmtk.dcmdata");
  for (int i = 0; i < 200; ++i) {
    OFLOG_ERROR(library, "damaged");
    dicom::log_warning("refused");
  }
  CHECK(std::count(lines.begin(), lines.end(), "refused") == 200);
  CHECK(std::count(lines.begin(), lines.end(), "damaged") == 60);
}

}  // namespace
}  // namespace metserve::server
