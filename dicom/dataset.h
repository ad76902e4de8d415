#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcspchrs.h>

namespace metserve::dicom {

/// Reads one DICOM file of any transfer syntax. Values above 4 KiB (pixel data) stay on disk until they are
/// asked for, so that reading headers is fast; those of a deflated dataset are in memory. Sequences nested
/// deeper than about a hundred levels are refused while they are read, so that they cannot exhaust the stack
/// (DCMTK bug 1191). Throws Error(io) when the file cannot be opened, Error(bad_input) when it is no DICOM,
/// ends in the middle or is nested too deep.
std::unique_ptr<DcmFileFormat> read_file(const std::filesystem::path& path);

/// The element's value as sent, components separated by backslashes, without padding; empty when absent.
std::string text_of(DcmItem& item, const DcmTagKey& tag);

/// The components of a backslash-separated value, without surrounding spaces.
std::vector<std::string> components(std::string_view text);

/// A decimal number (DS, IS or FD as text); nothing for text that is none, or not finite.
std::optional<double> parse_number(std::string_view text);

/// All components as numbers; empty when one of them is none.
std::vector<double> parse_numbers(std::string_view text);

/// First item of the sequence, or null.
DcmItem* first_item(DcmItem& item, const DcmTagKey& sequence);

/// Text of one dataset in UTF-8 (PS3.5 section 6.1). Bytes that the dataset's character set does not hold
/// become '?'.
class Utf8 {
 public:
  explicit Utf8(DcmItem& dataset);
  std::string operator()(const std::string& value);

 private:
  DcmSpecificCharacterSet converter_;
  OFCharacterEncoding japanese_;  ///< what DCMTK does not know of glibc's iconv
  bool convert_ = false, convert_japanese_ = false, has_katakana_ = false;
  bool utf8_already_ = false;
};

}  // namespace metserve::dicom
