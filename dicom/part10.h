#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metserve::dicom {

/// The text without the spaces and zero bytes around it (PS3.5 section 6.2).
std::string without_padding(std::string_view text);

/// How MetServe names itself in file meta information and in association negotiation (PS3.7 D.3.3.2).
inline constexpr std::string_view implementation_class_uid = "2.25.268548011094460818643410170330700743257";
inline constexpr std::string_view implementation_version_name = "METSERVE_" METSERVE_VERSION;
static_assert(implementation_version_name.size() <= 16, "an implementation version name has 16 characters");

/// PS3.5 section 9.1, but with leading zeros of a component allowed, because real scanners write them.
bool is_valid_uid(std::string_view text);

/// What file meta information says of its dataset.
struct FileMeta {
  std::string sop_class_uid, sop_instance_uid, transfer_syntax_uid;
  std::string source_ae_title;  ///< who sent it; left out when empty
};

/// Preamble and file meta information (PS3.10 section 7.1), to be followed by the dataset's bytes.
std::vector<std::uint8_t> part10_header(const FileMeta& meta);

struct ScanLimits {
  std::size_t max_depth = 64;                                 ///< of nested sequences
  std::uint64_t max_inflated_bytes = std::uint64_t{1} << 30;  ///< of a deflated dataset
  std::size_t max_value_bytes = 1024;                         ///< of a wanted value
};

/// Values by tag (group << 16 | element), bytes as sent.
using ScannedValues = std::map<std::uint32_t, std::string>;

/// What comes before the Pixel Data of an uncompressed image.
struct ScannedHead {
  ScannedValues values;
  std::uint64_t pixel_data_offset = 0;  ///< of the value, from the start of the dataset
  std::uint32_t pixel_data_bytes = 0;
};

/// Walks over an encoded dataset without building anything from it, so that neither size nor nesting can
/// exhaust stack or memory; what passes here can be given to DCMTK's parser, which recurses. Returns the
/// values of the `wanted` tags at top level. A value of implicit VR (or UN) that starts like a sequence is
/// counted as one, since only a dictionary could tell.
/// Throws Error(bad_input) for a dataset that is cut off, does not add up, or is beyond a limit.
ScannedValues scan_dataset(std::span<const std::uint8_t> dataset, std::string_view transfer_syntax_uid,
                           std::span<const std::uint32_t> wanted, const ScanLimits& limits = {});

/// The same up to the Pixel Data; `start` need not hold more of the dataset than that. A wanted sequence has
/// an empty value. Throws Error(bad_input) also when there is no uncompressed Pixel Data.
ScannedHead scan_head(std::span<const std::uint8_t> start, std::string_view transfer_syntax_uid,
                      std::span<const std::uint32_t> wanted);

}  // namespace metserve::dicom
