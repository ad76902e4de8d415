// Which results are the same, and what becomes of the one before.

#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>

#include "dicom/read_segmentation.h"
#include "pipeline/follow_up.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/encode_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using models::Slot;

namespace {

/// SOP instance UID of the report that this one replaces; empty when it names none.
std::string predecessor_of(const std::filesystem::path& report) {
  const auto& replaced = dicom::read_earlier_result(report.parent_path()).replaced.report;
  return replaced ? replaced->sop_instance_uid : "";
}

}  // namespace

TEST_CASE("The same result has the same UIDs, another result has others", "[encode]") {
  const TemporaryDirectory directory;
  StudyResult result = result_with_lesions(directory);
  const std::string first = uid_of(encode_result(result, options_at(), directory / "a").segmentation);
  auto options = options_at(std::chrono::system_clock::time_point(std::chrono::hours(1)));
  result.timings.infer = 1;
  CHECK(uid_of(encode_result(result, options, directory / "b").segmentation) == first);
  SECTION("a lesion of another number") {
    result.lesions.lesions.back().number = 9;
  }
  SECTION("a lesion of another probability") {
    result.lesions.lesions.front().mean_probability -= 0.01;
  }
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
  options.named_like = directory / "1";
  encode_result(again, options, directory / "2");
  const auto after = dicom::read_segmentation(directory / "2/seg.dcm");
  REQUIRE(after.segments.size() == before.segments.size());
  for (std::size_t n = 0; n < after.segments.size(); ++n) {
    CHECK(after.segments[n].tracking_uid == before.segments[n].tracking_uid);
    CHECK(after.segments[n].voxels == before.segments[n].voxels);
  }
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
