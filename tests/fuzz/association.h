#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace metserve::fuzz {

/// Serves one association as the storage SCP does. `request`: an A-ASSOCIATE-RQ, complete; `after`: what the
/// peer sends behind it before it closes its side.
void serve(std::vector<std::uint8_t> request, std::span<const std::uint8_t> after);

/// A PDU's head is made to fit its content, as it does where a request leaves the acceptor.
std::vector<std::uint8_t> pdu(std::uint8_t type, std::span<const std::uint8_t> content);

}  // namespace metserve::fuzz
