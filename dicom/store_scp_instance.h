#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "dicom/store_scp.h"
#include "dicom/store_scp_message.h"

namespace metserve::dicom {

/// A C-STORE that is answered with a failure of our own finding.
struct StoreRefusal : std::runtime_error {
  StoreRefusal(StoreStatus with, const std::string& why) : std::runtime_error(why), status(with) {}
  StoreStatus status;
};

/// What a C-STORE came to.
struct StoreAnswer {
  StoreStatus status = StoreStatus::success;
  std::string reason;          ///< for the log
  bool peer_may_know = false;  ///< the reason is about what was sent, not about us
};

/// The one place where what is thrown under a C-STORE becomes a status (PS3.4 table B.2-1). To be called from
/// a handler of exceptions.
StoreAnswer answer_for_current_exception();

/// Throws StoreRefusal where the command contradicts the presentation context that it came in.
void check_command(const Command& command, std::string_view abstract_syntax);

/// Fills in what only the dataset says. Throws StoreRefusal where it is not the object that its command
/// named, Error(bad_input) where it does not add up or inflates to more than `max_inflated_bytes`.
void identify(ReceivedInstance& instance, std::span<const std::uint8_t> dataset,
              std::uint64_t max_inflated_bytes);

}  // namespace metserve::dicom
