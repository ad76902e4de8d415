#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <span>

#include <nlohmann/json.hpp>

#include "dicom/error.h"
#include "pipeline/axial.h"
#include "pipeline/contours.h"
#include "pipeline/follow_up.h"
#include "pipeline/key_images.h"
#include "pipeline/lesions_json.h"
#include "pipeline/preview.h"
#include "pipeline/report_text.h"
#include "pipeline/resample.h"
#include "pipeline/segment_study.h"

namespace metserve::pipeline {

namespace {

namespace fs = std::filesystem;

std::vector<dicom::LesionDescription> descriptions(const std::vector<Lesion>& lesions) {
  std::vector<dicom::LesionDescription> result;
  for (const Lesion& lesion : lesions)
    result.push_back({lesion.number, lesion.volume_mm3, lesion.longest_diameter_mm, lesion.centroid_lps_mm,
                      lesion.mean_probability, lesion.longest_diameter_in_plane_mm, lesion.tracking_uid,
                      lesion.history});
  return result;
}

/// The lesions as they are called and said to be, their voxels, and what else was drawn. Not the Tracking
/// UIDs: those of new lesions come from this text.
std::string drawn(const StudyResult& result) {
  std::string text;
  for (const Lesion& lesion : result.lesions.lesions)
    text += '\n' + std::to_string(lesion.number) + ' ' +
            std::to_string(std::lround(1000 * lesion.mean_probability));
  for (std::size_t v = 0; v < result.lesions.labels.size(); ++v)
    if (const auto label = result.lesions.labels[v]; label != 0)
      text += '\n' + std::to_string(v) + ' ' + std::to_string(label);
  return text.append(result.probability.begin(), result.probability.end());
}

/// Every digit: peaks differ close to 1.
std::string in_full(const models::LesionRule& rule) {
  return nlohmann::json{rule.threshold, rule.minimum_peak, rule.minimum_roundness, rule.minimum_volume_mm3}
      .dump();
}

/// All that the objects are made from and say: another result must never carry the UIDs of this one, and that
/// of corrected images is another one.
std::string content(const StudyResult& result) {
  const dicom::LoadedSeries& reference = result.reference;
  std::string text = dicom::inherited_text(reference) + '\n' + reference.header.frame_of_reference_uid +
                     '\n' + reference.image_orientation + '\n' + reference.pixel_spacing + '\n' +
                     reference.slice_thickness;
  for (const dicom::SliceSource& slice : reference.slices) {
    text += '\n' + slice.sop_instance_uid + ' ' + slice.image_position;
    if (slice.frame_number) text += '/' + std::to_string(*slice.frame_number);
  }
  text += drawn(result);
  for (const auto& lines : {result.series_used, models::ids(result.subset), result.sequences_used,
                            result.sequences_left_out, result.warnings, registration_quality(result)})
    for (const std::string& line : lines) text += '\n' + line;
  for (const dicom::ObjectReference& image : result.images_used) text += '\n' + image.sop_instance_uid;
  if (result.follow_up) {
    text += '\n' + result.follow_up->segmentation_uid + result.follow_up->study_date;
    for (const std::string& sentence : sentences_of(*result.follow_up, result.lesions.lesions))
      text += '\n' + sentence;
  }
  return text + '\n' + result.model.name + ' ' + result.model.version + '\n' + result.model.weights_sha256 +
         '\n' + expected_performance(result) + '\n' + in_full(result.rule) + '\n' + METSERVE_VERSION;
}

void write_text(const std::string& text, const fs::path& file) {
  fs::path partial = file;
  partial += ".partial";
  {
    std::ofstream stream(partial, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) throw dicom::Error(dicom::Error::Kind::io, file.string() + ": cannot be written");
  }
  fs::rename(partial, file);
}

/// What the objects are called and which ones they replace.
struct Identity {
  dicom::UidSource uids;
  dicom::ResultReferences supersedes;
};

/// Objects that replace others are not the same as those that replace none, or the ones before those.
Identity identity_of(const std::string& uid_root, std::string text,
                     const dicom::ResultReferences& supersedes) {
  for (const auto& object : {supersedes.segmentation, supersedes.structure_set, supersedes.report})
    if (object) text += "\nsupersedes " + object->series_instance_uid;
  return {dicom::UidSource(uid_root, text), supersedes};
}

/// A result of the same content is written again as it is, with what it replaced; another one is replaced.
/// What cannot be read of that is a warning, and so makes another result.
Identity identity_after(const EncodeOptions& options, StudyResult& result) {
  std::string text = content(result) + '\n' + std::to_string(options.series_number_offset) +
                     (options.all_frames ? "\nall frames" : "");
  if (options.superseded.empty()) return identity_of(options.uid_root, text, {});
  const dicom::EarlierResult earlier = dicom::read_earlier_result(options.superseded);
  Identity same = identity_of(options.uid_root, text, earlier.replaced);
  if (dicom::are_named_by(earlier.objects, same.uids)) return same;
  for (const std::string& file : earlier.unreadable) {
    result.warnings.push_back("the earlier result's " + file + " cannot be read: it is not referred to");
    text += '\n' + result.warnings.back();
  }
  return identity_of(options.uid_root, text, earlier.objects);
}

/// From the reference to a series of the study, between which the patient may have moved; none where the
/// series is the reference or was not used.
RigidTransform motion_to(const std::string& series_uid, const StudyResult& result) {
  for (const SequenceRegistration& one : result.registrations)
    if (one.registration.accepted && one.series_uid == series_uid) return one.registration.fixed_to_moving;
  return {};
}

/// What is in a planning system under a name is called the same in the result that replaces it. Names of an
/// earlier study that it was compared with hold.
void keep_names(StudyResult& result, const fs::path& named_like) {
  const fs::path file = named_like / "seg.dcm";
  if (named_like.empty() || !fs::exists(file)) return;
  try {
    const dicom::ReadSegmentation earlier = dicom::read_segmentation(file);
    if (earlier.frame_of_reference_uid == result.reference.header.frame_of_reference_uid)
      keep_identities(result.lesions, result.reference.volume.geometry, earlier,
                      motion_to(earlier.source_series_uid, result), FollowUpOptions{}.tolerance_mm,
                      result.follow_up ? result.follow_up->last_number : 0);
  } catch (const dicom::Error&) {
    result.warnings.push_back(
        "lesions are numbered anew: the segmentation of the earlier result cannot be read");
  }
}

ResultFiles files_in(const fs::path& directory) {
  ResultFiles files;
  files.segmentation = directory / "seg.dcm";
  files.structure_set = directory / "rtstruct.dcm";
  files.report = directory / "report.dcm";
  files.lesions_json = directory / "lesions.json";
  files.preview = directory / "preview.png";
  files.probability = directory / "probability.dcm";
  return files;
}

/// Objects of an earlier run must not lie beside the results of this one.
void clear(const ResultFiles& files) {
  for (const fs::path& file : {files.segmentation, files.structure_set, files.report, files.lesions_json,
                               files.preview, files.probability})
    fs::remove(file);
  remove_key_images(files.report.parent_path());
  remove_axial_results(files.report.parent_path());
}

/// The same result as the objects on `reference` say it, of its lesions as they are there.
dicom::ResultContext context_on(const dicom::LoadedSeries& reference,
                                const std::vector<dicom::LesionDescription>& lesions,
                                const dicom::ResultContext& context) {
  return {reference,
          lesions,
          context.algorithm,
          context.sequences_used,
          context.sequences_left_out,
          context.warnings,
          context.uids,
          context.clock,
          context.series_number_offset,
          context.registration_quality,
          context.expected_performance,
          context.follow_up,
          context.supersedes,
          context.all_frames,
          context.images_used};
}

/// The lesions with the volumes that they have in `labels`, [slices, rows, columns] of `grid`.
std::vector<dicom::LesionDescription> with_volumes_of(std::span<const std::uint16_t> labels,
                                                      const dicom::VolumeGeometry& grid,
                                                      std::vector<dicom::LesionDescription> lesions) {
  std::vector<std::size_t> voxels(lesions.size() + 1);
  for (const std::uint16_t label : labels) ++voxels[label];
  for (std::size_t n = 0; n < lesions.size(); ++n)
    lesions[n].volume_mm3 = static_cast<double>(voxels[n + 1]) * grid.voxel_volume_mm3();
  return lesions;
}

void write_axial_results(const StudyResult& result, const dicom::ResultContext& context, ResultFiles& files,
                         const fs::path& directory) {
  const dicom::VolumeGeometry& reference = result.reference.volume.geometry;
  const dicom::VolumeGeometry grid = axial_grid(reference);
  const auto axial =
      dicom::write_axial_series(context, resample(result.reference.volume, grid, {}), directory);
  const std::vector<std::uint16_t> labels = labels_on(grid, reference, result.lesions.labels);
  const auto lesions = with_volumes_of(labels, grid, context.lesions);
  dicom::ResultContext on_axial = context_on(axial.series, lesions, context);
  on_axial.on_axial = true;
  files.axial_images = axial.files;
  files.axial_series_uid = axial.series.header.series_instance_uid;
  files.axial_structure_set = directory / "axial_rtstruct.dcm";
  dicom::write_structure_set(on_axial, lesion_contours(grid, labels, lesions.size()),
                             files.axial_structure_set);
}

}  // namespace

ResultFiles encode_result(StudyResult& result, const EncodeOptions& options, const fs::path& directory) {
  const auto started = std::chrono::steady_clock::now();
  ResultFiles files = files_in(directory);
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw dicom::Error(dicom::Error::Kind::io, directory.string() + ": " + error.message());
  keep_names(result, options.named_like);
  const Identity identity = identity_after(options, result);  // before `directory` may lose the earlier one
  clear(files);

  const auto lesions = descriptions(result.lesions.lesions);
  const auto now = options.clock();  // once: all pictures of a series have one series time
  const dicom::ResultContext context{
      result.reference,
      lesions,
      {result.model.name, result.model.version, result.model.weights_sha256, METSERVE_VERSION},
      result.sequences_used,
      result.sequences_left_out,
      result.warnings,
      identity.uids,
      [now] { return now; },
      options.series_number_offset,
      registration_quality(result),
      expected_performance(result),
      result.follow_up ? sentences_of(*result.follow_up, result.lesions.lesions) : std::vector<std::string>(),
      identity.supersedes,
      options.all_frames,
      result.images_used};
  if (lesions.empty()) {
    files.segmentation.clear();
    files.structure_set.clear();
  } else {
    dicom::write_segmentation(context, result.lesions.labels, files.segmentation);
    dicom::write_structure_set(
        context, lesion_contours(result.reference.volume.geometry, result.lesions.labels, lesions.size()),
        files.structure_set);
    if (options.axial && !is_axial(result.reference.volume.geometry))
      write_axial_results(result, context, files, directory);
  }
  dicom::write_report(context, files.segmentation, files.report);
  if (result.probability.empty())
    files.probability.clear();
  else
    dicom::write_probability_map(context, result.probability, files.probability);
  write_preview(result, files.preview);
  if (options.key_images) files.key_images = write_key_images(result, context, directory);
  result.timings.encode = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  write_text(to_json(result), files.lesions_json);
  return files;
}

}  // namespace metserve::pipeline
