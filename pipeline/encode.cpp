#include <chrono>
#include <fstream>

#include "dicom/error.h"
#include "pipeline/contours.h"
#include "pipeline/lesions_json.h"
#include "pipeline/preview.h"
#include "pipeline/segment_study.h"

namespace metserve::pipeline {

namespace {

namespace fs = std::filesystem;

std::vector<dicom::LesionDescription> descriptions(const std::vector<Lesion>& lesions) {
  std::vector<dicom::LesionDescription> result;
  for (const Lesion& lesion : lesions)
    result.push_back({lesion.number, lesion.volume_mm3, lesion.longest_diameter_mm, lesion.centroid_lps_mm,
                      lesion.mean_probability});
  return result;
}

/// All that the objects are made from: another result must never carry the UIDs of this one.
std::string content(const StudyResult& result) {
  std::string text = result.reference.header.study_instance_uid;
  for (const dicom::SliceSource& slice : result.reference.slices) {
    text += '\n' + slice.sop_instance_uid;
    if (slice.frame_number) text += '/' + std::to_string(*slice.frame_number);
  }
  for (const std::string& uid : result.series_used) text += '\n' + uid;
  for (const std::string& slot : models::ids(result.subset)) text += '\n' + slot;
  return text + '\n' + result.model.weights_sha256 + '\n' + std::to_string(result.threshold) + '\n' +
         std::to_string(result.minimum_volume_mm3) + '\n' + METSERVE_VERSION;
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

/// Objects of an earlier run must not lie beside the results of this one.
void clear(const ResultFiles& files) {
  for (const fs::path& file :
       {files.segmentation, files.structure_set, files.report, files.lesions_json, files.preview})
    fs::remove(file);
}

}  // namespace

ResultFiles encode_result(StudyResult& result, const EncodeOptions& options, const fs::path& directory) {
  const auto started = std::chrono::steady_clock::now();
  ResultFiles files{directory / "seg.dcm", directory / "rtstruct.dcm", directory / "report.dcm",
                    directory / "lesions.json", directory / "preview.png"};
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw dicom::Error(dicom::Error::Kind::io, directory.string() + ": " + error.message());
  clear(files);

  const dicom::UidSource uids(options.uid_root, content(result));
  const auto lesions = descriptions(result.lesions.lesions);
  const dicom::ResultContext context{
      result.reference,
      lesions,
      {result.model.name, result.model.version, result.model.weights_sha256, METSERVE_VERSION},
      result.sequences_used,
      result.sequences_left_out,
      result.warnings,
      uids,
      options.clock,
      options.series_number_offset};
  if (lesions.empty()) {
    files.segmentation.clear();
    files.structure_set.clear();
  } else {
    dicom::write_segmentation(context, result.lesions.labels, files.segmentation);
    dicom::write_structure_set(
        context, lesion_contours(result.reference.volume.geometry, result.lesions.labels, lesions.size()),
        files.structure_set);
  }
  dicom::write_report(context, files.segmentation, files.report);
  write_preview(result, files.preview);
  result.timings.encode = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  write_text(to_json(result), files.lesions_json);
  return files;
}

}  // namespace metserve::pipeline
