#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dicom/read_segmentation.h"
#include "pipeline/lesions.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

struct StudyResult;

struct FollowUpOptions {
  double tolerance_mm = 2;      ///< lesions no further apart after registration are the same one, 0..10
  double changed_percent = 25;  ///< a smaller change of volume is none, 1..100
  double changed_mm3 = 10;      ///< likewise: no more than a voxel or two of a small lesion, >= 0
};

/// A lesion of the earlier study that is there no more.
struct ResolvedLesion {
  int number = 0;
  std::string name, tracking_uid;
  double prior_volume_mm3 = 0;
};

/// What a result was compared with, and what is gone.
struct FollowUp {
  std::string segmentation_uid{}, study_date{};  ///< of the earlier study; no UID where it had no lesion
  std::vector<ResolvedLesion> resolved{};
  std::string how{};                ///< for people: what was compared
  std::vector<std::string> gone{};  ///< for people, of earlier lesions that are not seen any more
  int last_number = 0;              ///< of the earlier study: new lesions come after it
};

/// For people: what was compared, a line for each lesion, and what is gone.
std::vector<std::string> sentences_of(const FollowUp& follow_up, const std::vector<Lesion>& lesions);

/// Matches `map`, on `grid`, with the lesions of an earlier study: `to_earlier` maps LPS mm of this study to
/// LPS mm of that one. Lesions whose voxels meet, or that nothing meets and are within the tolerance, are the
/// same; they keep number and tracking UID, and the lesions are put into the order of their numbers. Where
/// several have become one or one several, their volumes are compared together. Resolved is only what this
/// study's images, `grid`, would show, and what was looked for `alike`, by the same model in the same
/// sequences.
FollowUp compare_lesions(LesionMap& map, const dicom::VolumeGeometry& grid,
                         const dicom::ReadSegmentation& earlier, const RigidTransform& to_earlier,
                         const FollowUpOptions& options, bool alike = true);

/// Remarks on compared lesions that `earlier_images` do not hold (less than 95 % of their voxels): a new one
/// can have been there before, a grown one larger than it was seen.
void remark_on_unseen(LesionMap& map, const dicom::VolumeGeometry& grid,
                      const dicom::VolumeGeometry& earlier_images, const RigidTransform& to_earlier);

/// Gives lesions that a result of the same study, in the same frame of reference, found as well the number
/// and the tracking UID that they have there, unless they have those of an earlier study; new ones come after
/// the last. `to_superseded` maps LPS mm of `grid` to those of the series that the other result was drawn on.
/// `reserved`: numbers up to this are an earlier study's.
void keep_identities(LesionMap& map, const dicom::VolumeGeometry& grid,
                     const dicom::ReadSegmentation& superseded, const RigidTransform& to_superseded,
                     double tolerance_mm, int reserved = 0);

/// The segmentation of an earlier study and the files of the images that it was drawn on; others may be among
/// them.
struct EarlierStudy {
  std::filesystem::path segmentation;
  std::vector<std::filesystem::path> images;
};

/// Reads the earlier study, registers its series to the result's reference (nothing to register where both
/// have one frame of reference; then the earlier images are not looked at), compares the lesions and records
/// all of it in `result`, with a warning where another model or other sequences found the earlier ones. A
/// registration that cannot be trusted leaves the result as it is, with a warning. Throws dicom::Error for
/// files that cannot be used, naming the series whose images are missing.
void compare_with_earlier(StudyResult& result, const EarlierStudy& earlier, const FollowUpOptions& options);

/// The same with an earlier study in which no lesion was found: all lesions are new.
void compare_with_no_lesions(StudyResult& result, const std::string& study_date);

}  // namespace metserve::pipeline
