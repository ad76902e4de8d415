#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace metserve::dicom {

/// Of the logger in DCMTK's hierarchy that `log_warning` writes to.
constexpr const char* log_name = "metserve.dicom";

/// One line to DCMTK's log, which Runtime hands on to ours. Thread-safe.
void log_warning(const std::string& line);

/// What a peer sent, made fit for a log line: other than printable ASCII becomes '?', what is longer is cut.
std::string printable(std::string_view text, std::size_t max_length = 200);

}  // namespace metserve::dicom
