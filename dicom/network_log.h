#pragma once

#include <string>
#include <string_view>

namespace metserve::dicom {

/// One line to DCMTK's log, which Runtime hands on to ours. Thread-safe.
void log_warning(const std::string& line);

/// What a peer sent, made fit for a log line: other than printable ASCII becomes '?', at most 200 characters.
std::string printable(std::string_view text);

}  // namespace metserve::dicom
