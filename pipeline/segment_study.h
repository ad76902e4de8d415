#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/results.h"
#include "dicom/study.h"
#include "models/segmenter.h"
#include "pipeline/follow_up.h"
#include "pipeline/lesions.h"
#include "pipeline/match.h"
#include "pipeline/registration.h"

namespace metserve::pipeline {

/// Which subsets of sequences a site accepts. Default: at least one post-Gd T1.
struct AcceptancePolicy {
  bool require_post_gd_t1 = true;
  std::vector<models::Slot> required;  ///< slots that must be there in addition
};

struct SegmentOptions {
  MatchOptions match;
  RegistrationOptions registration;
  AcceptancePolicy acceptance;
  models::LesionRuleChanges rule;  ///< instead of the manifest's
  bool keep_probability = false;   ///< in the result, to be written beside the lesions
};

struct SequenceRegistration {
  models::Slot slot;
  Registration registration;  ///< identity for the reference itself
  std::string series_uid{};   ///< of the series that fills the slot
};

/// Seconds of wall time per stage.
struct Timings {
  double load = 0, register_ = 0, preprocess = 0, infer = 0, postprocess = 0, encode = 0;
};

struct StudyResult {
  StudyMatch match;
  dicom::LoadedSeries reference;
  models::SlotSet subset;  ///< sequences that the network saw: loaded and registered
  std::vector<SequenceRegistration> registrations;
  std::vector<std::string> series_used;  ///< series instance UIDs of the subset, the reference first
  std::vector<dicom::ObjectReference> images_used;  ///< their instances, each once, the reference's first
  models::LesionRule rule;                          ///< that the lesions were found with
  LesionMap lesions;                                ///< on the reference's grid
  std::vector<std::uint8_t>
      probability;  ///< [slices, rows, columns], 255 at 1; empty unless it was to be kept
  std::vector<std::string> sequences_used, sequences_left_out, warnings;
  models::Manifest model;
  std::optional<FollowUp> follow_up;  ///< where an earlier study was compared
  Timings timings;
};

enum class Stage { load, register_, preprocess, infer, postprocess, encode };
std::string_view to_string(Stage stage);
/// Stage and the share of it that is done, 0..1.
using ProgressCallback = std::function<void(Stage, double)>;

/// One study from files to lesions; reads top to bottom like the design's steps 3 to 8. Throws
/// Error(not_accepted) or Error(ambiguous) with the match's reasons.
StudyResult segment_study(const dicom::Study& study, const models::Segmenter& segmenter,
                          const SegmentOptions& options, const ProgressCallback& on_progress = {});

struct EncodeOptions {
  std::string uid_root{dicom::uuid_uid_root};  ///< the site's own root, or 2.25
  int series_number_offset = 9000;
  dicom::Clock clock;
  std::filesystem::path superseded;  ///< folder of the earlier result that this one replaces; empty: none
  std::filesystem::path named_like;  ///< folder of the result whose lesions keep their names; empty: none
  bool all_frames = false;           ///< of segmentations, also those that hold nothing
  bool key_images = false;           ///< pictures for viewers that show neither segmentations nor reports
  bool axial = false;                ///< also a structure set on an axial series, where the reference is not
};

/// The files of one result; empty paths for what was not written (no lesion: no SEG, no RTSTRUCT).
struct ResultFiles {
  std::filesystem::path segmentation, structure_set, report, lesions_json, preview;
  std::filesystem::path probability;              ///< when the result has one
  std::vector<std::filesystem::path> key_images;  ///< when they were asked for
  /// When they were asked for, on a reference that is not axial: the images first.
  std::vector<std::filesystem::path> axial_images;
  std::filesystem::path axial_structure_set;
  std::string axial_series_uid;
};

/// Writes seg.dcm, rtstruct.dcm, report.dcm, lesions.json and preview.png (and probability.dcm, key_NN.dcm,
/// axial_NNNN.dcm, axial_rtstruct.dcm) into `directory`, each complete or not at all, and sets
/// `result.timings.encode`.
ResultFiles encode_result(StudyResult& result, const EncodeOptions& options,
                          const std::filesystem::path& directory);

}  // namespace metserve::pipeline
