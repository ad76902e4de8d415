#include "dicom/network_log.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/oflog/oflog.h>

namespace metserve::dicom {

void log_warning(const std::string& line) {
  static const OFLogger logger = OFLog::getLogger(log_name);
  OFLOG_WARN(logger, line.c_str());
}

std::string printable(std::string_view text, std::size_t max_length) {
  std::string out(text.substr(0, max_length));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

}  // namespace metserve::dicom
