#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <system_error>

#include "dicom/store_scp.h"
#include "server/config.h"

namespace metserve::server {

/// Kinds of errors of all parts, in one list.
enum class ErrorKind {
  not_accepted,
  ambiguous,
  bad_input,
  unsupported,
  bad_call,
  not_found,
  wrong_state,
  io,
  out_of_resources,
  device,
  peer_transient,
  peer_permanent,
  lease_lost,
  cancelled,
  internal,
};

/// What becomes of a study whose job ended with an error. `wait_out`: what it lacks comes back; the study is
/// tried again for a day before it is set aside.
enum class JobVerdict { skip, hold, fail, retry, wait_out, hand_back, abandon };

/// What one kind of error means at each of the three edges where errors are caught.
struct ErrorHandling {
  ErrorKind kind;
  std::string_view name;
  dicom::StoreStatus store_status;  ///< answered to a C-STORE
  unsigned http_status;
  LogLevel log_level;
  JobVerdict verdict;
};

ErrorKind kind_of(const std::exception& error);

/// Of the operating system: a disk is full, a quota is used up, or there are no more descriptors.
bool is_shortage(const std::error_code& error);

/// The error's text as logs, answers and records show it. Libraries put a stack trace behind the first line
/// of theirs: it is cut off.
std::string reason_of(const std::exception& error);

/// The same for a log, where no text of a study's images belongs.
std::string told_of(const std::exception& error);

const ErrorHandling& handling(ErrorKind kind);
inline const ErrorHandling& handling(const std::exception& error) {
  return handling(kind_of(error));
}

}  // namespace metserve::server
