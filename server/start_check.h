#pragma once

#include <filesystem>
#include <string>

#include "server/config.h"

namespace metserve::server {

/// Whether lines can be appended to `file`: a regular one, a pipe or a device such as /dev/null. One that is
/// not there yet is not made, since it would belong to whoever checks. Returns the file; throws Error(io)
/// that names what is in the way.
std::string check_appendable(const std::filesystem::path& file);

/// Whether DICOM and HTTP can listen beside each other. Returns both ports; throws Error(bad_call) when one
/// would take the other's.
std::string check_ports(const Config& config);

}  // namespace metserve::server
