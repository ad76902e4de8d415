#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dicom/study.h"
#include "pipeline/match.h"

namespace metserve::pipeline {

/// What a series is, contrast agent aside.
enum class SequenceKind {
  flair_3d,
  flair_2d,   ///< stand-in for flair_3d
  t1_ir_gre,  ///< 3D inversion-prepared spoiled gradient echo: BRAVO, MPRAGE, T1TFE
  t1_tse_3d,  ///< 3D fast spin echo: CUBE, SPACE, VISTA
  t1_se_2d,   ///< 2D spin echo or fast spin echo, stand-in for t1_tse_3d
};

/// Short name for people.
std::string_view to_string(SequenceKind kind);

/// The outcome of looking at one series alone. Without `kind` it fills no slot and `reasons` say why.
struct KindMatch {
  std::optional<SequenceKind> kind;
  double confidence = 0;             ///< 0..1
  std::vector<std::string> reasons;  ///< strongest first
  bool by_site = false;              ///< a rule of the site says so
};

/// Why a series cannot be one of ours whatever its contrast weighting: no MR image, localizer, derived image,
/// map, echo planar, other anatomy, too few slices, no regular volume. Nothing when it may be one.
std::optional<std::string> exclusion(const dicom::SeriesHeader& header, const MatchOptions& options);

/// The part of `exclusion` that no rule of a site can change: no MR image, no pixel data, too few slices, too
/// small an extent, no regular volume.
std::optional<std::string> unusable(const dicom::SeriesHeader& header, const MatchOptions& options);

/// Whether it was acquired: MR images, and none that we made. What else a study holds, documents,
/// presentation states or results, says nothing of when the contrast agent was given, whatever its
/// description.
bool is_acquired(const dicom::SeriesHeader& header);

/// Whether it is a localizer or calibration, which come before everything else, by its type or description.
bool is_localizer(const dicom::SeriesHeader& header);

/// The part of `exclusion` that Image Type and Frame Type (PS3.3 C.7.6.1.1.2, C.8.13.3.1) give: localizer, no
/// magnitude image, derived image, fat of a Dixon acquisition, map.
std::optional<std::string> excluded_by_image_type(const dicom::SeriesHeader& header);

/// Physics first, text as its witness. Expects a series without exclusion.
KindMatch classify(const dicom::SeriesHeader& header);

}  // namespace metserve::pipeline
