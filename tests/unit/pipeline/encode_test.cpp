#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "dicom/results_dataset.h"
#include "pipeline/axial.h"
#include "pipeline/segment_study_acceptance.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/encode_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using models::Slot;

namespace {

std::vector<std::string> keys(const nlohmann::ordered_json& json) {
  std::vector<std::string> names;
  for (const auto& [key, value] : json.items()) names.push_back(key);
  return names;
}

}  // namespace

TEST_CASE("A result is written as SEG, RTSTRUCT, report, JSON and picture", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  const ResultFiles files = encode_result(result, options_at(), directory / "out");
  for (const auto& file :
       {files.segmentation, files.structure_set, files.report, files.lesions_json, files.preview})
    CHECK(std::filesystem::file_size(file) > 1000);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory / "out"))
    count += entry.is_regular_file();
  CHECK(count == 5);  // nothing half-written stays behind
  CHECK(result.timings.encode > 0);
}

TEST_CASE("lesions.json has the keys that others read, in their order", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  result.warnings.push_back("a scanner's text: \xFF\xFE");
  result.registrations.push_back({models::Slot::flair, {}});
  result.registrations[1].registration.accepted = false;
  result.registrations[1].registration.reason = "noise";
  const auto json = read_json(encode_result(result, options_at(), directory / "out").lesions_json);
  CHECK(keys(json) == std::vector<std::string>{"model", "subset", "reference_series", "threshold",
                                               "minimum_peak", "minimum_roundness", "registration", "lesions",
                                               "timings_s", "warnings"});
  CHECK(keys(json["model"]) == std::vector<std::string>{"name", "version", "sha256"});
  CHECK(json["subset"] == std::vector<std::string>{"t1_gre_post"});
  CHECK(json["reference_series"] == result.reference.header.series_instance_uid);
  CHECK(keys(json["registration"][0]) ==
        std::vector<std::string>{"slot", "rotation_deg", "translation_mm", "accepted"});
  CHECK(keys(json["registration"][1]) == std::vector<std::string>{"slot", "rotation_deg", "translation_mm",
                                                                  "accepted", "distinctness", "overlap",
                                                                  "reason"});
  CHECK(keys(json["timings_s"]) ==
        std::vector<std::string>{"load", "register", "preprocess", "infer", "postprocess", "encode"});
  REQUIRE(json["lesions"].size() == places.size());
  for (std::size_t n = 0; n < places.size(); ++n) {
    const auto& lesion = json["lesions"][n];
    CHECK(keys(lesion) == std::vector<std::string>{"id", "volume_mm3", "longest_diameter_mm",
                                                   "centroid_lps_mm", "mean_probability", "max_probability"});
    CHECK(lesion["id"] == n + 1);
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(lesion["centroid_lps_mm"][c].get<double>() == Approx(places[n][c]).margin(0.6));
  }
}

TEST_CASE("An axial series says of the patient's position and of lost pixels what the reference does",
          "[encode]") {
  const TemporaryDirectory directory;
  const std::string position = GENERATE("", "HFP");
  StudyResult result = result_with_lesions(directory);
  const auto head = dicom::testing::read(result.reference.first_file);
  REQUIRE(head->getDataset()->putAndInsertString(DCM_PatientPosition, position.c_str()).good());
  REQUIRE(head->getDataset()->putAndInsertString(DCM_LossyImageCompression, "01").good());
  REQUIRE(head->saveFile(result.reference.first_file.c_str()).good());
  // A turned reference, as axial images are made of no other.
  result.reference.volume.geometry.axes_lps = dicom::testing::axes_of(dicom::testing::Plane::oblique);
  auto options = options_at();
  options.axial = options.key_images = true;
  const ResultFiles files = encode_result(result, options, directory / "out");
  REQUIRE(!files.axial_images.empty());
  const auto axial = dicom::testing::read(files.axial_images[0]);
  CHECK(dicom::text_of(*axial->getDataset(), DCM_PatientPosition) == position);
  CHECK(dicom::text_of(*axial->getDataset(), DCM_LossyImageCompression) == "01");
  const auto key = dicom::testing::read(files.key_images.at(0));
  CHECK(dicom::text_of(*key->getDataset(), DCM_LossyImageCompression) == "01");
  CHECK(dicom::text_of(*key->getDataset(), DCM_PatientOrientation).empty());  // a page of text
  const auto slice = dicom::testing::read(files.key_images.at(1));
  const auto& axes = result.reference.volume.geometry.axes_lps;
  CHECK(dicom::text_of(*slice->getDataset(), DCM_PatientOrientation) ==
        dicom::patient_letters(axes[0]) + '\\' + dicom::patient_letters(axes[1]));
}

TEST_CASE("The structure set on axial images states the volumes of the mask that it draws", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  result.reference.volume.geometry.axes_lps = dicom::testing::axes_of(dicom::testing::Plane::oblique);
  auto options = options_at();
  options.axial = true;
  const ResultFiles files = encode_result(result, options, directory / "out");
  const dicom::VolumeGeometry grid = axial_grid(result.reference.volume.geometry);
  const auto labels = labels_on(grid, result.reference.volume.geometry, result.lesions.labels);
  const auto file = dicom::testing::read(files.axial_structure_set);
  for (std::size_t n = 0; n < result.lesions.lesions.size(); ++n) {
    DcmItem* roi = nullptr;
    REQUIRE(file->getDataset()
                ->findAndGetSequenceItem(DCM_StructureSetROISequence, roi, static_cast<long>(n))
                .good());
    const auto voxels = static_cast<double>(std::count(labels.begin(), labels.end(), n + 1));
    const double stated_mm3 = 1000 * std::stod(dicom::text_of(*roi, DCM_ROIVolume));
    CHECK(stated_mm3 == Approx(voxels * grid.spacing_mm[0] * grid.spacing_mm[1] * grid.spacing_mm[2]));
    CHECK(stated_mm3 != Approx(result.lesions.lesions[n].volume_mm3));
  }
}

TEST_CASE("Key images show a summary and the lesions' slices, and do not outlive their result", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  EncodeOptions options = options_at();
  auto seconds = std::make_shared<int>(0);  // that go by between any two looks at the clock
  options.clock = [seconds] {
    return std::chrono::system_clock::time_point(std::chrono::seconds(++*seconds));
  };
  options.key_images = true;
  const ResultFiles files = encode_result(result, options, directory / "out");
  REQUIRE(files.key_images.size() >= 2);
  std::set<std::string> uids, series_times;
  for (const auto& file : files.key_images) {
    dicom::testing::require_valid_object(file);
    uids.insert(uid_of(file));
    series_times.insert(dicom::text_of(*dicom::testing::read(file)->getDataset(), DCM_SeriesTime));
  }
  CHECK(series_times.size() == 1);
  CHECK(uids.size() == files.key_images.size());
  const auto slice = dicom::testing::read(files.key_images.at(1));
  DcmItem& source = dicom::testing::item_of(*slice->getDataset(), DCM_SourceImageSequence);
  CHECK_FALSE(dicom::text_of(source, DCM_ReferencedSOPInstanceUID).empty());
  options.key_images = false;
  CHECK(encode_result(result, options, directory / "out").key_images.empty());
  CHECK_FALSE(std::filesystem::exists(files.key_images.at(0)));
}

TEST_CASE("The title of every object names all sequences that were used", "[encode]") {
  const TemporaryDirectory directory;
  const auto reference = dicom::testing::make_reference(directory.path(), {});
  const dicom::UidSource uids("2.25", "titles");
  const std::vector<dicom::LesionDescription> none;
  dicom::ResultContext context = dicom::testing::make_context(reference, none, uids);
  const dicom::ReferenceHead head(reference);
  for (unsigned long subset = 1; subset < 1UL << models::slot_count; ++subset) {
    context.sequences_used.clear();
    std::string names;
    for (const Slot slot : models::all_slots) {
      if (!models::SlotSet(subset).test(models::index(slot))) continue;
      context.sequences_used.push_back(describe(slot, reference.header));
      names += (names.empty() ? "" : ", ") + std::string(models::name(slot));
    }
    for (const dicom::ObjectIdentity* object :
         {&dicom::segmentation_identity, &dicom::structure_set_identity, &dicom::report_identity,
          &dicom::key_image_identity, &dicom::probability_identity, &dicom::axial_series_identity,
          &dicom::axial_structure_set_identity}) {
      DcmDataset dataset;
      put_common_modules(dataset, context, head, *object);
      CHECK(dicom::text_of(dataset, DCM_SeriesDescription) ==
            std::string(object->title) + ", research use: " + names);
    }
  }
}

TEST_CASE("Without a lesion there is a report but no SEG and no RTSTRUCT, not even old ones", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult found = result_with_lesions(directory);
  encode_result(found, options_at(), directory / "out");
  StudyResult nothing = result_with_lesions(directory, false);
  const ResultFiles files = encode_result(nothing, options_at(), directory / "out");
  CHECK(files.segmentation.empty());
  CHECK(files.structure_set.empty());
  CHECK_FALSE(std::filesystem::exists(directory / "out/seg.dcm"));
  CHECK_FALSE(std::filesystem::exists(directory / "out/rtstruct.dcm"));
  CHECK(std::filesystem::file_size(files.report) > 1000);
  CHECK(std::filesystem::file_size(files.preview) > 1000);
  CHECK(read_json(files.lesions_json)["lesions"].empty());
}

TEST_CASE("A directory that cannot be made is named", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  std::ofstream(directory / "file") << "in the way";
  CHECK_THROWS_WITH(encode_result(result, options_at(), directory / "file"),
                    Catch::Matchers::Contains((directory / "file").string()));
}
