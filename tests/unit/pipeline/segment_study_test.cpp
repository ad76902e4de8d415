#include "pipeline/segment_study.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "pipeline/error.h"
#include "pipeline/segment_study_acceptance.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/phantom.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using Catch::Matchers::Contains;
using models::Slot;

namespace {

const RigidTransform moved = motion_about({0, 0, 0}, {3, -2, 4}, {4, -3, 5});

SegmentOptions whole_head() {
  SegmentOptions options;
  options.rule.threshold = 1e-4;  // all that the network saw of the head
  options.rule.minimum_peak = options.rule.minimum_roundness = 0;
  return options;
}

bool any_holds(const std::vector<std::string>& sentences, const std::string& text) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](const std::string& s) { return s.find(text) != std::string::npos; });
}

/// Cuts the pixels off one image of the series in `directory`.
void damage(const std::filesystem::path& directory) {
  const auto file = dicom::list_files(directory).at(20);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 2000);
}

}  // namespace

TEST_CASE("A series that one missing slice keeps from being used is named", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::t1_se_post, {}}}), directory / "study");
  std::filesystem::remove(dicom::list_files(directory / "study/phantom/t1_gre_post").at(20));
  const auto study = dicom::scan_study(dicom::list_files(directory / "study"));
  const StudyResult result = segment_study(study, segmenter, whole_head());
  CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_se_post"});
  CHECK(any_holds(result.warnings, "is not used: no regular volume: "));
}

TEST_CASE("A study of three sequences is registered, segmented and mapped back", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  const auto study =
      scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::t1_se_post, moved}, {Slot::flair, moved}}),
              directory / "study");
  std::vector<std::string> stages;
  const auto on_progress = [&](Stage stage, double share) {
    CHECK(share >= 0);
    CHECK(share <= 1);
    if (stages.empty() || stages.back() != to_string(stage)) stages.emplace_back(to_string(stage));
  };
  SegmentOptions options = whole_head();
  options.keep_probability = true;
  const StudyResult result = segment_study(study, segmenter, options, on_progress);

  CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_gre_post", "t1_se_post", "flair"});
  CHECK(result.reference.header.series_description == "AX BRAVO +C");
  CHECK(result.reference.slices.size() == 90);
  CHECK(result.images_used.size() > 90);
  std::set<std::string> series_of_images;
  for (const dicom::ObjectReference& image : result.images_used)
    series_of_images.insert(image.series_instance_uid);
  CHECK(series_of_images == std::set(result.series_used.begin(), result.series_used.end()));
  CHECK(result.lesions.labels.size() == result.reference.volume.geometry.voxel_count());
  REQUIRE(result.probability.size() == result.lesions.labels.size());
  // The same map that the lesions were measured on, in steps of 1/255.
  const auto& lesion = result.lesions.lesions.at(0);
  int largest = 0;
  for (std::size_t v = 0; v < result.probability.size(); ++v)
    if (result.lesions.labels[v] == lesion.number) largest = std::max<int>(largest, result.probability[v]);
  CHECK(largest == std::lround(255 * lesion.max_probability));
  CHECK(stages == std::vector<std::string>{"load", "register", "preprocess", "infer", "postprocess"});
  REQUIRE(result.registrations.size() == 3);
  CHECK(result.registrations[0].registration.fixed_to_moving.rotation_deg() == 0);
  for (std::size_t n = 1; n < 3; ++n) {
    CHECK(result.registrations[n].registration.accepted);
    CHECK(mean_target_error_mm(result.registrations[n].registration.fixed_to_moving, moved, {0, 0, 0}) < 0.4);
  }
  REQUIRE(result.sequences_used.size() == 3);
  CHECK(result.sequences_used[0] == "BRAVO: series 5 'AX BRAVO +C', reference");
  CHECK(result.sequences_used[2].find("FLAIR: series 2 'SAG CUBE T2 FLAIR', registered: 5.4 degrees") == 0);
  CHECK(result.sequences_left_out == std::vector<std::string>{"CUBE pre: not in the study"});
  CHECK(result.timings.infer > 0);

  // The head, as the network saw it, lies where it is: about the origin, its vertex at 95 mm.
  REQUIRE(result.lesions.lesions.size() == 1);
  const Lesion& head = result.lesions.lesions[0];
  CHECK(head.centroid_lps_mm[0] == Approx(0).margin(3));
  CHECK(head.volume_mm3 > 2e6);
}

TEST_CASE("The same study gives the same lesions twice", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  const auto study =
      scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::flair, moved}}), directory / "study");
  const StudyResult first = segment_study(study, segmenter, whole_head());
  const StudyResult second = segment_study(study, segmenter, whole_head());
  CHECK(first.lesions.labels == second.lesions.labels);
  REQUIRE(first.lesions.lesions.size() == second.lesions.lesions.size());
  CHECK(first.lesions.lesions[0].mean_probability == second.lesions.lesions[0].mean_probability);
}

TEST_CASE("A sequence that cannot be read is left out and named, the others go on", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  const auto study =
      scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::t1_se_post, moved}, {Slot::flair, moved}}),
              directory / "study");
  SECTION("another sequence") {
    damage(directory / "study/phantom/flair");
    const StudyResult result = segment_study(study, segmenter, whole_head());
    CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_gre_post", "t1_se_post"});
    CHECK(any_holds(result.sequences_left_out, "FLAIR: series 2 'SAG CUBE T2 FLAIR' is left out: "));
    CHECK(any_holds(result.warnings, "FLAIR: series 2 'SAG CUBE T2 FLAIR' is left out: "));
  }
  SECTION("the reference: the next becomes it") {
    damage(directory / "study/phantom/t1_gre_post");
    const StudyResult result = segment_study(study, segmenter, whole_head());
    CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_se_post", "flair"});
    CHECK(result.reference.header.series_description == "SAG CUBE T1 +C");
    CHECK(result.lesions.labels.size() == result.reference.volume.geometry.voxel_count());
    CHECK(any_holds(result.sequences_left_out, "BRAVO: series 5"));
  }
  SECTION("all that the site asks for") {
    damage(directory / "study/phantom/t1_gre_post");
    damage(directory / "study/phantom/t1_se_post");
    try {
      segment_study(study, segmenter, whole_head());
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(e.kind() == Error::Kind::not_accepted);
      CHECK(std::string(e.what()).find("BRAVO: series 5") != std::string::npos);
    }
  }
}

TEST_CASE("Images that cannot be read are a warning of the result", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  auto study = scanned(phantom_study({{Slot::t1_gre_post, {}}}), directory / "study");
  study.unreadable = {{"a/readme.txt", "a/readme.txt: no DICOM", false},
                      {"a/0007.dcm", "a/0007.dcm: is cut off", true}};
  CHECK(any_holds(segment_study(study, segmenter, whole_head()).warnings,
                  "images that cannot be read and are not looked at: 1, the first: 0007.dcm: is cut off"));
}

TEST_CASE("A sequence that cannot be registered is left out with the reason", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  const auto study = scanned(
      phantom_study({{Slot::t1_gre_post, {}}, {Slot::flair, motion_about({0, 0, 0}, {0, 0, 0}, {0, 0, 15})}}),
      directory / "study");
  SegmentOptions options = whole_head();
  options.registration.largest_translation_mm = 10;
  const StudyResult result = segment_study(study, segmenter, options);
  CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_gre_post"});
  REQUIRE(result.registrations.size() == 2);
  CHECK_FALSE(result.registrations[1].registration.accepted);
  CHECK(any_holds(result.sequences_left_out,
                  "not registered: a motion of 0 degrees and 15 mm is not plausible"));
}

TEST_CASE("A study without a post-Gd T1 is not accepted unless the site says so", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  const auto study = scanned(phantom_study({{Slot::t1_se_pre, {}}, {Slot::flair, {}}}), directory / "study");
  try {
    segment_study(study, segmenter, whole_head());
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.kind() == Error::Kind::not_accepted);
    CHECK(
        std::string(e.what()) ==
        "sequences that can be used: CUBE pre, FLAIR; the policy asks for a post-Gd T1 (BRAVO or CUBE post)");
  }
  SegmentOptions options = whole_head();
  options.acceptance.require_post_gd_t1 = false;
  CHECK(segment_study(study, segmenter, options).reference.header.series_description == "SAG CUBE T1 pre");
  options.acceptance.required = {Slot::t1_gre_post};
  CHECK_THROWS_AS(segment_study(study, segmenter, options), Error);
}

TEST_CASE("What a log is told of a study that is not accepted quotes no series", "[segment_study]") {
  try {
    require_accepted(models::SlotSet(), {}, {"BRAVO: series 8 'SMITH' is left out"});
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK_THAT(e.what(), Contains("SMITH"));
    CHECK_THAT(e.told(), Contains("post-Gd T1") && !Contains("SMITH"));
  }
}

TEST_CASE("A network that cannot miss a sequence says so, or is not run", "[segment_study]") {
  models::NetworkConfig network;
  const models::SlotSet without_cube_pre("1101");
  CHECK(warning_of_missing(network, without_cube_pre).empty());
  network.dropout = false;
  CHECK(warning_of_missing(network, models::SlotSet("1111")).empty());
  CHECK(warning_of_missing(network, without_cube_pre).find("CUBE pre in every study") != std::string::npos);
  require_enough_for(network, without_cube_pre);
  network.network = "mid-subtract";
  require_enough_for(network, models::SlotSet("0110"));
  CHECK_THROWS_WITH(require_enough_for(network, without_cube_pre), Contains("cannot do without CUBE pre"));
}

TEST_CASE("A study that a person has to decide about is held with the series named", "[segment_study]") {
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  auto study = scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::flair, {}}}), directory / "study");
  for (dicom::Series& series : study.series)
    if (series.header.series_number == 5) {
      series.header.contrast_agent = series.header.contrast_route = series.header.contrast_volume = "";
      series.header.series_description = series.header.protocol_name = "AX BRAVO";
    }
  try {
    segment_study(study, segmenter, whole_head());
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.kind() == Error::Kind::ambiguous);
    CHECK(std::string(e.what()).find("a person has to decide about series 5: ") == 0);
  }
}

TEST_CASE("A real tumour study of thick enhanced series goes through, with a warning",
          "[segment_study][real]") {
  const char* data = std::getenv("METSERVE_TEST_DATA");
  if (data == nullptr || !std::filesystem::exists(std::filesystem::path(data) / "nema_brtum_enhanced")) {
    WARN("METSERVE_TEST_DATA names no folder with nema_brtum_enhanced: skipped");
    return;
  }
  const TemporaryDirectory directory;
  const auto segmenter = random_segmenter(directory / "");
  const auto study =
      dicom::scan_study(dicom::list_files(std::filesystem::path(data) / "nema_brtum_enhanced/mr"));
  const StudyResult result = segment_study(study, segmenter, whole_head());
  CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_se_pre", "t1_se_post", "flair"});
  CHECK(result.reference.slices.size() == 24);
  CHECK(result.lesions.labels.size() == 24 * 256 * 256);
  for (const SequenceRegistration& sequence : result.registrations) {
    INFO(models::name(sequence.slot) << " distinctness " << sequence.registration.distinctness);
    CHECK(sequence.registration.accepted);
    CHECK(sequence.registration.displacement_mm < 5);  // the patient held still
    CHECK(sequence.registration.fixed_to_moving.rotation_deg() < 3);
  }
  CHECK(any_holds(result.warnings, "CUBE post: slices lie 6.0 mm apart; small lesions can be missed"));
}

TEST_CASE("Images of two patients are not read as one study", "[segment_study]") {
  const TemporaryDirectory directory;
  auto study = scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::flair, moved}}), directory / "study");
  REQUIRE(study.series.size() == 2);
  const auto segmenter = random_segmenter(directory / "");
  const dicom::PatientIdentity patient = *study.series[1].header.patients.begin();
  const auto held_with = [&](const std::string& text) {
    CHECK_THROWS_WITH(segment_study(study, segmenter, whole_head(), {}),
                      Catch::Matchers::Contains(text + " bear different patients") &&
                          !Catch::Matchers::Contains("ANOTHER") && !Catch::Matchers::Contains("BRAVO") &&
                          !Catch::Matchers::Contains(study.study_instance_uid));
  };
  for (std::string dicom::PatientIdentity::*const differing :
       {&dicom::PatientIdentity::id, &dicom::PatientIdentity::birth_date}) {
    dicom::PatientIdentity other = patient;
    other.*differing = "ANOTHER";
    study.series[1].header.patients = {other};
    held_with("series 5 and of series 2");
    study.series[1].header.patients = {patient, other};
    held_with("series 5");
    other.*differing = "";
    study.series[1].header.patients = {patient, other};
    held_with("series 5");
    study.series[1].header.patients = {other};
    CHECK_NOTHROW(segment_study(study, segmenter, whole_head(), {}));
  }
}

TEST_CASE("What has no frame of reference is registered to what has one", "[segment_study]") {
  const TemporaryDirectory directory;
  auto study =
      scanned(phantom_study({{Slot::t1_gre_post, {}}, {Slot::t1_se_post, moved}}), directory / "study");
  for (dicom::Series& series : study.series)
    if (series.header.series_description == "AX BRAVO +C") series.header.frame_of_reference_uid.clear();
  const StudyResult result = segment_study(study, random_segmenter(directory / ""), whole_head(), {});
  CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_gre_post", "t1_se_post"});
  CHECK(result.sequences_used.at(0).find("CUBE post") == 0);
  CHECK(result.sequences_used.at(0).find(", reference") != std::string::npos);
}
