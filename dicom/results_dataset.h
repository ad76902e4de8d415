#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// DCMTK's own configuration first: the other headers depend on it.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/results.h"

namespace metserve::dicom {

/// Throws Error(bad_input) when DCMTK refused something; `what` names it, e.g. "segment label".
void require(const OFCondition& condition, std::string_view what);

/// Sets an attribute, replacing it; multiple values are separated by backslashes. Throws Error(bad_input).
void put(DcmItem& item, const DcmTagKey& tag, const std::string& value);

/// Appends an item to the sequence `tag` of `parent`. Throws Error(bad_input).
DcmItem& append_item(DcmItem& parent, const DcmTagKey& tag);

/// A coded concept (PS3.3 table 8.8-1).
struct Code {
  const char* value;
  const char* scheme;
  const char* meaning;
};

namespace code {
inline constexpr Code metastasis_to_brain{"94225005", "SCT", "Metastasis to brain"};
inline constexpr Code morphologically_abnormal{"49755003", "SCT", "Morphologically Abnormal Structure"};
inline constexpr Code secondary_neoplasm{"14799000", "SCT", "Neoplasm, Secondary"};
inline constexpr Code brain{"12738006", "SCT", "Brain"};
inline constexpr Code artificial_intelligence{"123110", "DCM", "Artificial Intelligence"};
inline constexpr Code segmentation{"113076", "DCM", "Segmentation"};
/// What no standard code says (PS3.3 8.2).
inline constexpr const char* private_scheme = "99METSERVE";
inline constexpr Code superseded{"SUPERSEDED", private_scheme, "Superseded result"};
inline constexpr Code reformatting{"113072", "DCM", "Multiplanar reformatting"};
inline constexpr Code source_for_processing{"121322", "DCM", "Source image for image processing operation"};
}  // namespace code

/// Appends `code` to the sequence `tag`.
void append_code(DcmItem& parent, const DcmTagKey& tag, const Code& code);

/// A decimal string (VR DS, at most 16 bytes, PS3.5 6.2): `text` as it is, shortened only when it is longer.
std::string decimal_string(const std::string& text);
std::string decimal_string(double value);

/// The head of the reference series: patient, study and character set of every result, byte for byte.
class ReferenceHead {
 public:
  /// Reads `reference.first_file`. Throws what read_file throws.
  explicit ReferenceHead(const LoadedSeries& reference);

  /// UTF-8 text in the reference's character set, at most `max_characters`, without backslashes and control
  /// characters but line feeds; what the character set does not hold becomes '?'.
  std::string encode(const std::string& utf8, std::size_t max_characters) const;

  /// Patient, Clinical Trial, General Study and Patient Study modules and the character set; type 2
  /// attributes that the source lacks are added empty.
  void copy_patient_and_study(DcmItem& target) const;

  /// The reference's own value of a top-level attribute, or empty.
  std::string value(const DcmTagKey& tag) const;

 private:
  std::unique_ptr<DcmFileFormat> file_;
  std::string character_set_;
};

/// What is one result object among the others of the same run.
struct ObjectIdentity {
  const char* sop_class_uid;
  const char* role;      ///< for UIDs: "seg", "rtstruct", "sr", ...
  const char* modality;  ///< SEG, RTSTRUCT, SR, OT or MR
  const char* title;     ///< begins the series description; at most 15 characters
  int number_offset;     ///< of the series number
};
extern const ObjectIdentity segmentation_identity, structure_set_identity, report_identity,
    key_image_identity, probability_identity, axial_series_identity, axial_structure_set_identity;

/// SOP instance UID of one of this run's objects.
std::string instance_uid(const UidSource& uids, const ObjectIdentity& object);
/// Tracking UID of a lesion, the same in segmentation and report.
std::string tracking_uid(const ResultContext& context, const LesionDescription& lesion);

/// Throws Error(bad_input), naming the series, for a reference without frame of reference or with other than
/// one source per slice, and for lesions whose numbers do not rise from 1.
void require_consistent(const ResultContext& context);

/// Related Series (PS3.3 C.7.3.1) naming the series that this one replaces; nothing without `superseded`.
void put_superseded_series(DcmItem& dataset, const std::optional<ObjectReference>& superseded);

/// SOP Common, General Series, General Equipment, patient and study, over whatever is there.
void put_common_modules(DcmItem& dataset, const ResultContext& context, const ReferenceHead& head,
                        const ObjectIdentity& object);

/// What was drawn on or made of images that lost something in compression says so (PS3.3 C.7.6.1.1.5,
/// C.8.20.2).
void put_compression(DcmItem& dataset, const ReferenceHead& head);

/// "YYYYMMDD" and "HHMMSS" in local time, as DICOM dates are.
std::string dicom_date(std::chrono::system_clock::time_point time);
std::string dicom_time(std::chrono::system_clock::time_point time);

/// Sequences used, left out and warnings, one line each, in UTF-8; begins with the research-use statement.
std::string provenance(const ResultContext& context);
/// Of its lines: "Used: BRAVO: series 8".
inline constexpr std::string_view used_key = "Used: ";
/// Of the line that stands before it in a segmentation's algorithm parameters.
inline constexpr std::string_view weights_key = "Weights SHA-256: ";
/// What stands behind the key on each line that begins with it.
std::vector<std::string> values_of(std::string_view key, const std::string& text);
inline constexpr std::string_view research_use_statement =
    "Research use only: automatic output of an AI model, not reviewed or approved.";

/// Explicit VR little endian, complete or not at all. Throws Error(io) naming the file.
void save(DcmFileFormat& file, const std::filesystem::path& path);

}  // namespace metserve::dicom
