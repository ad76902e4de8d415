#pragma once

#include <stdexcept>
#include <string>

namespace metserve::models {

/// Everything that goes wrong in `models`; `what()` is one line that names the file, key or tensor.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    bad_input,  ///< a file, package or data set that is not what it should be
    io,         ///< a file that cannot be read or written
    device,     ///< an accelerator that failed
  };

  Error(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace metserve::models
