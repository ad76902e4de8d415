#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dicom/study.h"

namespace metserve::pipeline {

/// What touches a word.
enum class Mark {
  none,
  plus,   ///< "+C", "C+", "T1+C"
  minus,  ///< "C-"
  dash,   ///< "-C", "T1-C-": a minus or only a hyphen
  point,  ///< "o. KM", "s/ KM": a word cut short
};

struct Word {
  std::string text;
  Mark mark = Mark::none;
};

/// The words of a description: lower case, diacritics folded (é to e, ß to ss), split at everything that is
/// neither letter nor digit, so that "pace" is not found in "space".
class Words {
 public:
  explicit Words(std::string_view utf8);

  /// The first of these words, separated by spaces, that is there; or empty.
  std::string first_of(std::string_view words) const;
  bool any(std::string_view words) const { return !first_of(words).empty(); }
  /// These words one after the other.
  bool phrase(std::string_view words) const;
  const std::vector<Word>& list() const { return words_; }
  bool empty() const { return words_.empty(); }

 private:
  std::vector<Word> words_;
};

/// Lower case, diacritics folded (é to e, ß to ss).
std::string fold(std::string_view utf8);

/// Whether the protocol's name speaks of the series; on GE systems it is that of the whole examination.
bool has_own_protocol(const dicom::SeriesHeader& header);

/// What was written of this series: its description, and its own protocol's name.
std::string series_text(const dicom::SeriesHeader& header);

/// `text` in upper case (ASCII).
std::string upper(std::string_view text);

/// A number as a person writes it: 2.5, 400.
std::string short_number(double value);

}  // namespace metserve::pipeline
