#pragma once

#include <cstdint>
#include <span>

namespace metserve::dicom {

/// Checks that the items of a complete A-ASSOCIATE-RQ, its head included, add up (PS3.8 section 9.3.2 and
/// annex D, PS3.7 annex D.3): every length, at most 128 presentation contexts with odd and different numbers,
/// one abstract syntax and at least one transfer syntax in each, one application context and one user
/// information item. DCMTK's parser gets to see nothing else, because it loses memory over each request that
/// it gives up on. Throws Error(peer_transient) that says what is wrong.
void check_associate_request(std::span<const std::uint8_t> pdu);

}  // namespace metserve::dicom
