#include "pipeline/simulated_study.h"

#include <fstream>

#include <nlohmann/json.hpp>

#include "pipeline/match.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/phantom.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using models::Slot;

TEST_CASE("Simulated studies of every vendor are recognised", "[simulated_study]") {
  const TemporaryDirectory directory;
  const auto vendor = GENERATE(Vendor::ge, Vendor::siemens, Vendor::philips);
  const auto folder = write_dicom_study(
      phantom_study(
          {{Slot::t1_gre_post, {}}, {Slot::t1_se_pre, {}}, {Slot::t1_se_post, {}}, {Slot::flair, {}}}),
      vendor, directory / "out");
  const dicom::Study study = dicom::scan_study(dicom::list_files(folder));
  const StudyMatch match = match_study(study, {});
  CHECK(match.subset.all());
  for (const SeriesMatch& series : match.series) {
    INFO(study.series[series.series].header.series_description);
    CHECK(series.decision == Decision::used);
    CHECK(series.confidence >= 0.8);
  }
  std::ifstream file(folder / "truth.json");
  const auto truth = nlohmann::json::parse(file);
  CHECK(truth["reference_series"] == study.series[*match.reference].header.series_instance_uid);
  CHECK(dicom::load_series(study.series[*match.reference]).volume.geometry.spacing_mm ==
        dicom::Vec3{2, 2, 2});
}

TEST_CASE("The truth is told in the frame of the series that the pipeline refers to", "[simulated_study]") {
  const TemporaryDirectory directory;
  const RigidTransform moved = motion_about({0, 0, 0}, {0, 0, 0}, {1, 2, 3});
  // Without BRAVO the simulator's still frame is CUBE pre's, and the pipeline's reference is CUBE post.
  const auto folder = write_dicom_study(phantom_study({{Slot::t1_se_pre, {}}, {Slot::t1_se_post, moved}}),
                                        Vendor::ge, directory / "out");
  std::ifstream file(folder / "truth.json");
  const auto truth = nlohmann::json::parse(file);
  CHECK(truth["lesions"][0]["centroid_lps_mm"] == std::vector<double>{11, -18, 33});
  CHECK(truth["lesions"][0]["diameter_mm"] == 12.5);
}
