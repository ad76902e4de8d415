#pragma once

#include <stdexcept>
#include <string>

namespace metserve::server {

/// What goes wrong in `server` itself; `what()` is one line that names the file, key or study and says what
/// to do about it.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    bad_call,          ///< the command line or the configuration is wrong
    io,                ///< a file, directory or database that cannot be read or written
    out_of_resources,  ///< a full queue or disk: trying again later makes sense
    not_found,         ///< there is no such study
    wrong_state,       ///< the study is not in a state for what is asked
    unreachable,       ///< nobody answers at an HTTP address
    unanswered,        ///< a request was sent there, and no answer came
    lease_lost,        ///< the work belongs to somebody else by now
    cancelled,         ///< the server is stopping
  };

  Error(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace metserve::server
