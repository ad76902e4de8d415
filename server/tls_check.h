#pragma once

#include <chrono>
#include <string>

#include "dicom/tls.h"

namespace metserve::server {

/// Whether callers will accept our certificate at `now`, and our revocation lists let them in. Returns until
/// when, e.g. "/etc/metserve/server.pem: valid until 2027-03-01T00:00:00.000Z". Throws Error(io) that names
/// the file which is not yet or no longer valid, dicom::Error(bad_input) like dicom::Tls.
std::string check_tls(const dicom::TlsOptions& options, std::chrono::system_clock::time_point now);

}  // namespace metserve::server
