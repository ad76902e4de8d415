#pragma once

#include <stdexcept>
#include <string>

namespace metserve::pipeline {

/// Why a study cannot be processed; `what()` is one line that names the series or policy.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    not_accepted,  ///< the sequences found are none that the site accepts
    ambiguous,     ///< a person has to decide which series fills a slot
    bad_input,     ///< the images cannot be used
  };

  Error(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace metserve::pipeline
