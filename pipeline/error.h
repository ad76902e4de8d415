#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace metserve::pipeline {

/// Why a study cannot be processed; `what()` is one line that names the series or policy.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    not_accepted,  ///< the sequences found are none that the site accepts
    ambiguous,     ///< a person has to decide which series fills a slot
    bad_input,     ///< the images cannot be used
  };

  Error(Kind kind, const std::string& what) : Error(kind, what, what) {}
  /// `told`: without text of the images.
  Error(Kind kind, const std::string& what, std::string told)
      : std::runtime_error(what), kind_(kind), told_(std::move(told)) {}
  Kind kind() const { return kind_; }
  /// What a log may say: persons enter names of patients as descriptions, too.
  const std::string& told() const { return told_; }

 private:
  Kind kind_;
  std::string told_;
};

}  // namespace metserve::pipeline
