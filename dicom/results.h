#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dicom/identity.h"
#include "dicom/study.h"

namespace metserve::dicom {

/// What became of a lesion since an earlier study.
struct LesionHistory {
  std::string change;                ///< "new", "grown", "stable" or "shrunk"
  double prior_volume_mm3 = 0;       ///< of all lesions that it was; 0 for a new one
  double volume_change_percent = 0;  ///< of all lesions that they are now
  std::string remark;                ///< e.g. that lesions have merged; empty when there is nothing to say
};

/// Name of a lesion that is unique in its study, ASCII and at most 16 characters: GTV_MET_01. ROI name in the
/// structure set, tracking identifier in segmentation and report.
std::string lesion_name(int number);

/// One lesion as the objects describe it. Lesion n of a result (from 0) has label and segment n + 1; its
/// number is what it is called, and stays with it from study to study.
struct LesionDescription {
  int number = 0;  ///< from 1, rising from lesion to lesion
  double volume_mm3 = 0;
  double longest_diameter_mm = 0;  ///< in 3D
  Vec3 centroid_lps_mm{};
  double mean_probability = 0;              ///< 0..1
  double longest_diameter_in_plane_mm = 0;  ///< the longest within one slice
  std::string tracking_uid = {};            ///< of an earlier study's lesion; empty: made from the content
  std::optional<LesionHistory> history = {};
};

/// One instance as others refer to it.
struct ObjectReference {
  std::string study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid;
};

/// The instances of a series in the order of its slices, each once: all frames of an enhanced one are one.
std::vector<ObjectReference> instances_of(const LoadedSeries& series);

/// The objects of one result, those that there are.
struct ResultReferences {
  std::optional<ObjectReference> segmentation, structure_set, report, probability, axial_structure_set;
};

/// A result that was written before.
struct EarlierResult {
  ResultReferences objects;
  ResultReferences replaced;            ///< what they replace themselves; no SOP UIDs for segmentations
  std::vector<std::string> unreadable;  ///< names of files that are there and cannot be read
};

/// Everything that results take over from the reference's patient and study, as text: what differs there
/// makes different results. Throws what read_file throws.
std::string inherited_text(const LoadedSeries& reference);

/// Reads what `seg.dcm`, `rtstruct.dcm`, `report.dcm`, `probability.dcm` and `axial_rtstruct.dcm` in
/// `directory` are. Files that cannot be read are listed, not thrown.
EarlierResult read_earlier_result(const std::filesystem::path& directory);

/// Whether the objects have the UIDs that `uids` gives: what is written with them is the same result.
bool are_named_by(const ResultReferences& objects, const UidSource& uids);

/// What made the objects, as they name it.
struct Algorithm {
  std::string name;     ///< model name
  std::string version;  ///< model version
  std::string weights_sha256;
  std::string software_version;  ///< of MetServe
};

/// What SEG, RTSTRUCT and SR share. Frame of reference: that of `reference`.
struct ResultContext {
  const LoadedSeries& reference;
  const std::vector<LesionDescription>& lesions;
  Algorithm algorithm;
  std::vector<std::string> sequences_used;      ///< one sentence each, e.g. "BRAVO: series 8 'AX BRAVO +C'"
  std::vector<std::string> sequences_left_out;  ///< with the reason
  std::vector<std::string> warnings;
  const UidSource& uids;
  Clock clock;
  int series_number_offset = 9000;                     ///< SEG at +0, RTSTRUCT at +1, SR at +2
  std::vector<std::string> registration_quality = {};  ///< one sentence for each series but the reference
  std::string expected_performance = {};               ///< of the model, for the sequences used
  std::vector<std::string> follow_up = {};        ///< what was compared with, and the lesions that are gone
  ResultReferences supersedes = {};               ///< an earlier result on the same study
  bool all_frames = false;                        ///< of a segmentation, also those that hold nothing
  std::vector<ObjectReference> images_used = {};  ///< of every series, each once, for the report's evidence
  bool on_axial = false;  ///< `reference` is what write_axial_series made: a second structure set, on that
};

/// BINARY Segmentation (PS3.3 A.51), one segment per lesion, only frames that hold lesion voxels (unless all
/// are asked for), on the reference series' own grid. `labels`: [slices, rows, columns] of the reference
/// volume, 0 or lesion number. Throws Error(bad_input) for an empty label map, Error(io) when `file` cannot
/// be written.
void write_segmentation(const ResultContext& context, std::span<const std::uint16_t> labels,
                        const std::filesystem::path& file);

/// FRACTIONAL Segmentation of one segment: the network's probability on the reference series' own grid, on
/// the whole head and not only where lesions were found. `values`: [slices, rows, columns] of the reference
/// volume, 0 to 255 for probability 0 to 1. Frames without any value are left out. Throws as
/// write_segmentation does.
void write_probability_map(const ResultContext& context, std::span<const std::uint8_t> values,
                           const std::filesystem::path& file);

/// A closed planar outline; points in LPS mm, exactly in the plane of slice `slice` of the reference.
struct Contour {
  std::size_t slice = 0;
  std::vector<Vec3> points_lps_mm;
};

/// An axial MR series made from the reference's images, as a reference for other objects, with its files.
struct AxialSeries {
  LoadedSeries series;
  std::vector<std::filesystem::path> files;
};

/// Classic MR images (PS3.3 A.4), DERIVED\\SECONDARY\\MPR, of `axial`, which is the context's reference on an
/// axial grid, in its frame of reference: axial_0001.dcm, ... in `directory`. Voxels that do not fit 16 bits
/// unsigned, or that rounding would spoil, are moved and scaled. Throws Error(io) when a file cannot be
/// written.
AxialSeries write_axial_series(const ResultContext& context, Volume axial,
                               const std::filesystem::path& directory);

/// RT Structure Set (PS3.3 A.19), one ROI per lesion. `contours[n]` belongs to `lesions[n]`.
/// Throws Error(bad_input) when a lesion has no contour or a contour fewer than 3 points.
void write_structure_set(const ResultContext& context, const std::vector<std::vector<Contour>>& contours,
                         const std::filesystem::path& file);

/// Comprehensive 3D SR, TID 1500 (PS3.16), lesions measured; "no lesion found" is a report too.
/// `segmentation_file`: what write_segmentation wrote for the same context; empty when there is no lesion.
/// Throws Error(bad_input) for lesions without it, Error(io) when a file cannot be read or written.
void write_report(const ResultContext& context, const std::filesystem::path& segmentation_file,
                  const std::filesystem::path& file);

/// A picture for people: RGB, rows from the top, 3 bytes a pixel.
struct Picture {
  std::size_t columns = 0, rows = 0;
  std::vector<std::uint8_t> rgb;
  std::optional<std::size_t> slice;  ///< of the reference that it shows
  std::string title;                 ///< e.g. "image 12"
};

/// Secondary Capture (PS3.3 A.8) of the key image series; `number` is its place in the series, from 1.
/// Throws Error(bad_input) for a picture whose pixels do not fill it.
void write_key_image(const ResultContext& context, const Picture& picture, int number,
                     const std::filesystem::path& file);

}  // namespace metserve::dicom
