#include <cstdio>

#include "pipeline/segment_study.h"
#include "pipeline/simulated_study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/real_head.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using models::Slot;

TEST_CASE("A real head of thick slices goes through as a whole study, moved or not",
          "[segment_study][real]") {
  const auto head = RealHead::of_test_data();
  if (!head) {
    WARN("METSERVE_TEST_DATA names no folder with tcga_fg6692_native: skipped");
    return;
  }
  const bool as_acquired = GENERATE(true, false);
  const TemporaryDirectory directory;
  const dicom::Study study = scanned(head->study(as_acquired), directory / "study");
  const StudyResult result = segment_study(study, random_segmenter(directory / ""), {});

  CHECK(models::ids(result.subset) == std::vector<std::string>{"t1_se_pre", "t1_se_post", "flair"});
  CHECK(result.reference.header.series_description == "AX CUBE T1 +C");
  CHECK(result.lesions.labels.size() == 256 * 224 * 26);
  const auto points = head->brain_points();
  for (const SequenceRegistration& sequence : result.registrations) {
    if (sequence.slot == Slot::t1_se_post) continue;
    const std::size_t series = result.match.filling(sequence.slot).value();
    const RigidTransform truth =
        as_acquired ? head->motion(sequence.slot == Slot::flair ? "flair" : "t1_pre") : RigidTransform{};
    const TargetErrors errors =
        target_errors(points, dicom::load_series(study.series[series]).volume.geometry,
                      sequence.registration.fixed_to_moving, truth);
    std::printf("FG6692 %s, %s: %.2f mm along columns, %.2f along rows, %.2f along slices of 5.5 mm\n",
                as_acquired ? "moved" : "still", std::string(models::id(sequence.slot)).c_str(),
                errors.along_mm[0], errors.along_mm[1], errors.along_mm[2]);
    CHECK(sequence.registration.accepted);
    CHECK(errors.along_mm[0] < 0.5);
    CHECK(errors.along_mm[1] < 0.5);
    CHECK(errors.along_mm[2] < 1);  // a fifth of the slices' distance
  }
}
