#pragma once

#include <stdexcept>
#include <string>

namespace metserve::dicom {

/// Everything that goes wrong in `dicom`; `what()` is one line that names the file, series, instance or peer
/// and says what to do about it.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    bad_input,       ///< a dataset that breaks the standard or cannot be used for what was asked
    unsupported,     ///< valid, but not something that can be decoded here
    io,              ///< a file or directory that cannot be read or written
    peer_transient,  ///< a peer that is away, busy or out of resources: trying again makes sense
    peer_permanent,  ///< a peer that refuses for good: unknown AE title, SOP class not accepted
  };

  Error(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace metserve::dicom
