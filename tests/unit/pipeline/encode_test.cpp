#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "dicom/error.h"
#include "dicom/read_segmentation.h"
#include "dicom/results_dataset.h"
#include "pipeline/segment_study.h"
#include "pipeline/segment_study_acceptance.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/phantom.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using models::Slot;

namespace {

const std::vector<dicom::Vec3> places{{20, 10, 30}, {-25, -40, 10}, {5, 50, -20}};

/// A result with spheres of 9, 6 and 4 mm radius in the phantom's BRAVO.
StudyResult result_with_lesions(const TemporaryDirectory& directory, bool lesions = true) {
  const auto study = scanned(phantom_study({{Slot::t1_gre_post, {}}}), directory / "study");
  StudyResult result;
  result.reference = dicom::load_series(study.series.at(0));
  result.subset.set(models::index(Slot::t1_gre_post));
  result.registrations.push_back({Slot::t1_gre_post, {}});
  result.sequences_used = {"BRAVO: series 5 'AX BRAVO +C', reference"};
  result.sequences_left_out = {"FLAIR: not in the study"};
  result.series_used = {result.reference.header.series_instance_uid};
  result.warnings = {"BRAVO: slices lie 5.0 mm apart; small lesions can be missed"};
  result.rule.threshold = 0.5;
  result.model.name = "random";
  result.model.version = "0";
  result.model.weights_sha256 = std::string(64, 'a');
  dicom::Volume probability{result.reference.volume.geometry, {}};
  probability.voxels.assign(probability.geometry.voxel_count(), 0.0F);
  const auto& size = probability.geometry.size;
  const std::vector<double> radius{9, 6, 4};
  for (std::size_t v = 0; lesions && v < probability.voxels.size(); ++v) {
    const dicom::Vec3 at = probability.geometry.lps_mm({static_cast<double>(v % size[0]),
                                                        static_cast<double>(v / size[0] % size[1]),
                                                        static_cast<double>(v / (size[0] * size[1]))});
    for (std::size_t n = 0; n < places.size(); ++n)
      if (std::hypot(at[0] - places[n][0], at[1] - places[n][1], at[2] - places[n][2]) <= radius[n])
        probability.voxels[v] = 0.9F;
  }
  result.lesions = find_lesions(probability, {});
  return result;
}

EncodeOptions options_at(std::chrono::system_clock::time_point time = {}) {
  EncodeOptions options;
  options.clock = [time] { return time; };
  return options;
}

nlohmann::ordered_json read_json(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return nlohmann::ordered_json::parse(stream);
}

std::vector<std::string> keys(const nlohmann::ordered_json& json) {
  std::vector<std::string> names;
  for (const auto& [key, value] : json.items()) names.push_back(key);
  return names;
}

std::string uid_of(const std::filesystem::path& file) {
  return dicom::scan_study({file}).series.at(0).instances.at(0).sop_instance_uid;
}

/// SOP instance UID of the report that this one replaces; empty when it names none.
std::string predecessor_of(const std::filesystem::path& report) {
  const auto& replaced = dicom::read_earlier_result(report.parent_path()).replaced.report;
  return replaced ? replaced->sop_instance_uid : "";
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

TEST_CASE("The same result has the same UIDs, another result has others", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  const std::string first = uid_of(encode_result(result, options_at(), directory / "a").segmentation);
  auto options = options_at(std::chrono::system_clock::time_point(std::chrono::hours(1)));
  result.timings.infer = 1;
  CHECK(uid_of(encode_result(result, options, directory / "b").segmentation) == first);
  SECTION("another threshold") {
    result.rule.threshold = 0.6;
  }
  SECTION("another model") {
    result.model.weights_sha256 = std::string(64, 'b');
  }
  SECTION("another set of series") {
    result.series_used.emplace_back("1.2.3");
  }
  SECTION("a late image of a series that is not the reference") {
    result.images_used.push_back({"1.2.1", "1.2.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.5"});
  }
  SECTION("another reference image") {
    result.reference.slices[3].sop_instance_uid = "1.2.4";
  }
  SECTION("a late series that cannot be registered") {
    result.sequences_left_out = {"FLAIR: series 2 'AX FLAIR' is left out: not registered: noise"};
    result.warnings.push_back(result.sequences_left_out[0]);
    result.registrations.push_back({Slot::flair, {}});
  }
  SECTION("a sequence left out for another reason") {
    result.sequences_left_out = {"FLAIR: too few images"};
  }
  SECTION("a sequence used that is described otherwise") {
    result.sequences_used = {"BRAVO: series 5 'AX MPRAGE +C', reference"};
  }
  SECTION("another warning") {
    result.warnings.pop_back();
  }
  SECTION("another registration") {
    result.registrations.push_back({Slot::flair, {}});
  }
  SECTION("another comparison with an earlier study") {
    compare_with_no_lesions(result, "20250102");
  }
  SECTION("the same weights under another name") {
    result.model.version = "1";
  }
  SECTION("lesions drawn otherwise") {
    auto& labels = result.lesions.labels;
    *std::find_if(labels.begin(), labels.end(), [](auto label) { return label != 0; }) = 0;
  }
  SECTION("a patient whose ID was corrected") {
    const auto head = dicom::testing::read(result.reference.first_file);
    REQUIRE(head->getDataset()->putAndInsertString(DCM_PatientID, "CORRECTED").good());
    REQUIRE(head->saveFile(result.reference.first_file.c_str()).good());
  }
  SECTION("another frame of reference") {
    result.reference.header.frame_of_reference_uid += ".1";
  }
  SECTION("images at another place") {
    result.reference.slices[3].image_position = "0\\0\\0.5";
  }
  SECTION("other series numbers") {
    options.series_number_offset = 7000;
  }
  CHECK(uid_of(encode_result(result, options, directory / "c").segmentation) != first);
}

TEST_CASE("A result that replaces another keeps the names of its lesions", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  encode_result(result, options_at(), directory / "1");
  const auto before = dicom::read_segmentation(directory / "1/seg.dcm");
  // The second lesion grows beyond the first.
  StudyResult again = result_with_lesions(directory);
  std::swap(again.lesions.lesions[0], again.lesions.lesions[1]);
  for (auto& label : again.lesions.labels) label = label == 1 ? 2 : label == 2 ? 1 : label;
  again.lesions.lesions[0].number = 1;
  again.lesions.lesions[1].number = 2;
  auto options = options_at();
  options.superseded = directory / "1";
  encode_result(again, options, directory / "2");
  const auto after = dicom::read_segmentation(directory / "2/seg.dcm");
  REQUIRE(after.segments.size() == before.segments.size());
  for (std::size_t n = 0; n < after.segments.size(); ++n) {
    CHECK(after.segments[n].tracking_uid == before.segments[n].tracking_uid);
    CHECK(after.segments[n].voxels == before.segments[n].voxels);
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

TEST_CASE("A result replaces an earlier one by reference, but not itself", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  EncodeOptions options = options_at();
  const std::string first = uid_of(encode_result(result, options, directory / "first").report);
  options.superseded = directory / "first";
  CHECK(uid_of(encode_result(result, options, directory / "again").report) == first);
  result.series_used.emplace_back("1.2.3");
  const auto second = encode_result(result, options, directory / "second").report;
  CHECK(uid_of(second) != first);
  CHECK(predecessor_of(second) == first);
  options.superseded = directory / "second";
  const auto again = encode_result(result, options, directory / "second again").report;
  CHECK(uid_of(again) == uid_of(second));
  CHECK(predecessor_of(again) == first);

  SECTION("the first content once more is another result, and no circle") {
    result.series_used.pop_back();
    const auto third = encode_result(result, options, directory / "third").report;
    CHECK(uid_of(third) != first);
    CHECK(predecessor_of(third) == uid_of(second));
  }
}

TEST_CASE("An earlier result that cannot be read is a warning, not a failure", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  EncodeOptions options = options_at();
  encode_result(result, options, directory / "first");
  std::ofstream(directory / "first/report.dcm") << "no DICOM";
  result.series_used.emplace_back("1.2.3");
  options.superseded = directory / "first";
  const ResultFiles files = encode_result(result, options, directory / "second");
  CHECK_THAT(result.warnings.back(), Catch::Matchers::Contains("report.dcm cannot be read"));
  CHECK(read_json(files.lesions_json)["warnings"].back() == result.warnings.back());
  CHECK(predecessor_of(files.report).empty());
  const auto segmentation = dicom::testing::read(files.segmentation);
  CHECK(dicom::testing::items_in(*segmentation->getDataset(), DCM_RelatedSeriesSequence) == 1);
}

TEST_CASE("The warning of an earlier result that cannot be read makes another result", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory, false);
  EncodeOptions options = options_at();
  const std::string alone = uid_of(encode_result(result, options, directory / "alone").report);
  options.superseded = directory / "study";
  std::ofstream(options.superseded / "report.dcm") << "no DICOM";
  CHECK(uid_of(encode_result(result, options, directory / "warns").report) != alone);
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
