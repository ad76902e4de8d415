#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dicom/study.h"

namespace metserve::pipeline {

/// The words of a description: lower case, diacritics folded (é to e, ß to ss), split at everything that is
/// neither letter nor digit, so that "pace" is not found in "space". A plus sign stays with its word: "+C"
/// gives "+c" and "c", "C+" gives "c" and "c+"; a free-standing "C-" gives "c-".
class Words {
 public:
  explicit Words(std::string_view utf8);

  /// The first of these words, separated by spaces, that is there; or empty.
  std::string first_of(std::string_view words) const;
  bool any(std::string_view words) const { return !first_of(words).empty(); }
  /// These words one after the other.
  bool phrase(std::string_view words) const;
  const std::vector<std::string>& list() const { return words_; }
  bool empty() const { return words_.empty(); }

 private:
  std::vector<std::string> words_;
};

/// Lower case, diacritics folded (é to e, ß to ss).
std::string fold(std::string_view utf8);

/// What was written of this series: its description, and its protocol's name except on GE systems, where that
/// is the name of the whole examination.
std::string series_text(const dicom::SeriesHeader& header);

/// `text` in upper case (ASCII).
std::string upper(std::string_view text);

/// A number as a person writes it: 2.5, 400.
std::string short_number(double value);

}  // namespace metserve::pipeline
