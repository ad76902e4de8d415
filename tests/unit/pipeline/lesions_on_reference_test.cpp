#include "pipeline/lesions_on_reference.h"

#include <torch/types.h>

#include "tests/catch.h"

using namespace metserve;
using namespace metserve::pipeline;

TEST_CASE("A sure lesion has one outline on the reference, whatever the model's threshold",
          "[pipeline][lesions]") {
  const dicom::VolumeGeometry grid{.size = {40, 40, 36}, .spacing_mm = {1, 1, 1}, .origin_lps_mm = {0, 0, 0}};
  const torch::Tensor log_odds = torch::full({36, 40, 40}, -20.0F);
  log_odds.narrow(0, 12, 9).narrow(1, 14, 9).narrow(2, 11, 9).fill_(20);
  for (const double thickness_mm : {1.0, 6.0}) {
    INFO("slices of " << thickness_mm << " mm");
    dicom::VolumeGeometry reference = grid;
    reference.spacing_mm = {0.9, 0.9, thickness_mm};
    reference.origin_lps_mm = {0.35, 0.4, (thickness_mm - 1) / 2 + 0.3};
    reference.size[2] = static_cast<std::size_t>(35 / thickness_mm);
    const LesionMap half = lesions_on_reference(log_odds, grid, reference, {.threshold = 0.5}, 0.5);
    REQUIRE(half.lesions.size() == 1);
    if (thickness_mm == 1) CHECK(half.lesions[0].volume_mm3 == Approx(729).epsilon(0.1));
    for (const double threshold : {0.01, 0.2, 0.8, 0.99}) {
      INFO("threshold " << threshold);
      const LesionMap other =
          lesions_on_reference(log_odds, grid, reference, {.threshold = threshold}, threshold);
      CHECK(other.labels == half.labels);
      CHECK(other.lesions[0].mean_probability == Approx(half.lesions[0].mean_probability));
    }
  }
}

TEST_CASE("A threshold below the model's own draws what fills a small part of thick slices",
          "[pipeline][lesions]") {
  const dicom::VolumeGeometry grid{.size = {40, 40, 36}, .spacing_mm = {1, 1, 1}, .origin_lps_mm = {0, 0, 0}};
  dicom::VolumeGeometry reference = grid;
  reference.spacing_mm[2] = 6;
  reference.origin_lps_mm[2] = 2.5;
  reference.size[2] = 6;
  const torch::Tensor log_odds = torch::full({36, 40, 40}, -20.0F);
  log_odds.narrow(0, 13, 2).narrow(1, 14, 6).narrow(2, 11, 6).fill_(20);  // a third of a slice
  const auto drawn = [&](double threshold, double own) {
    return lesions_on_reference(log_odds, grid, reference, {.threshold = threshold}, own).lesions.size();
  };
  for (const double own : {0.1, 0.5, 0.9}) {
    INFO("own threshold " << own);
    CHECK(drawn(own, own) == 0);
    CHECK(drawn(own / 10, own) == 1);
  }
}
