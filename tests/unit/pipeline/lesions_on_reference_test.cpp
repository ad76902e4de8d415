#include "pipeline/lesions_on_reference.h"

#include <torch/types.h>

#include "tests/catch.h"

using namespace metserve;
using namespace metserve::pipeline;

TEST_CASE("A sure lesion has one outline on the reference, whatever the threshold", "[pipeline][lesions]") {
  const dicom::VolumeGeometry grid{.size = {40, 40, 36}, .spacing_mm = {1, 1, 1}, .origin_lps_mm = {0, 0, 0}};
  const torch::Tensor log_odds = torch::full({36, 40, 40}, -20.0F);
  log_odds.narrow(0, 12, 9).narrow(1, 14, 9).narrow(2, 11, 9).fill_(20);
  for (const double thickness_mm : {1.0, 6.0}) {
    INFO("slices of " << thickness_mm << " mm");
    dicom::VolumeGeometry reference = grid;
    reference.spacing_mm = {0.9, 0.9, thickness_mm};
    reference.origin_lps_mm = {0.35, 0.4, (thickness_mm - 1) / 2 + 0.3};
    reference.size[2] = static_cast<std::size_t>(35 / thickness_mm);
    const LesionMap half = lesions_on_reference(log_odds, grid, reference, {.threshold = 0.5});
    REQUIRE(half.lesions.size() == 1);
    if (thickness_mm == 1) CHECK(half.lesions[0].volume_mm3 == Approx(729).epsilon(0.1));
    for (const double threshold : {0.01, 0.2, 0.8, 0.99}) {
      INFO("threshold " << threshold);
      const LesionMap other = lesions_on_reference(log_odds, grid, reference, {.threshold = threshold});
      CHECK(other.labels == half.labels);
      CHECK(other.lesions[0].mean_probability == Approx(half.lesions[0].mean_probability));
    }
  }
}
