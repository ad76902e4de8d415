#include "pipeline/lesions_lost.h"

#include <torch/types.h>

#include "pipeline/resample.h"
#include "tests/catch.h"

using namespace metserve;
using namespace metserve::pipeline;
using Catch::Matchers::Contains;

namespace {

const dicom::VolumeGeometry grid{
    .size = {48, 40, 36}, .spacing_mm = {1, 1, 1}, .origin_lps_mm = {-20, -10, 5}};
const models::LesionRule rule{.threshold = 0.5, .minimum_volume_mm3 = 10};

/// Log-odds of -9, and of 4 in a cuboid that begins at `first`; column, row, slice.
void add_lesion(const torch::Tensor& log_odds, std::array<std::int64_t, 3> first,
                std::array<std::int64_t, 3> size) {
  torch::Tensor part = log_odds;
  for (std::size_t axis = 0; axis < 3; ++axis)
    part = part.narrow(2 - static_cast<std::int64_t>(axis), first[axis], size[axis]);
  part.fill_(4);
}

torch::Tensor nothing() {
  return torch::full({36, 40, 48}, -9.0F);
}

/// What people are told of the lesions of `log_odds` on a reference with slices of `thickness_mm`.
std::string told(const torch::Tensor& log_odds, double thickness_mm) {
  dicom::VolumeGeometry reference = grid;
  reference.size[2] = static_cast<std::size_t>(36 / thickness_mm);
  reference.spacing_mm[2] = thickness_mm;
  reference.origin_lps_mm[2] += (thickness_mm - 1) / 2;
  const torch::Tensor probability = log_odds.sigmoid().contiguous();
  const float* first = probability.data_ptr<float>();
  const dicom::Volume seen =
      resample({grid, std::vector<float>(first, first + probability.numel())}, reference, {});
  const LesionMap map = find_lesions(seen, {rule.threshold, rule.minimum_volume_mm3});
  return warning_of_lost(log_odds, grid, rule, map, reference);
}

}  // namespace

TEST_CASE("A lesion that thick slices average away is told with its volume and place",
          "[pipeline][lesions]") {
  const torch::Tensor log_odds = nothing();
  add_lesion(log_odds, {10, 12, 13}, {6, 6, 2});
  CHECK(told(log_odds, 1).empty());
  const std::string thick = told(log_odds, 6);  // a third of a slice
  CHECK_THAT(thick, Contains("1 lesion that was found cannot be drawn"));
  CHECK_THAT(thick, Contains("look at 72 mm3 around (-8, 4, 18) mm"));  // 12.5 - 20, 14.5 - 10, 13.5 + 5
}

TEST_CASE("Several lost lesions are one warning, with the largest", "[pipeline][lesions]") {
  const torch::Tensor log_odds = nothing();
  add_lesion(log_odds, {10, 12, 13}, {6, 6, 2});
  add_lesion(log_odds, {30, 20, 19}, {8, 6, 2});
  add_lesion(log_odds, {20, 30, 24}, {6, 6, 6});  // fills a slice
  CHECK_THAT(told(log_odds, 6), Contains("2 lesions that were found") && Contains("the largest is 96 mm3"));
}

TEST_CASE("A lesion about as small as the smallest is not told", "[pipeline][lesions]") {
  const torch::Tensor log_odds = nothing();
  add_lesion(log_odds, {10, 12, 13}, {3, 3, 2});
  CHECK(told(log_odds, 6).empty());
}

TEST_CASE("A lesion beside the reference is told", "[pipeline][lesions]") {
  const torch::Tensor log_odds = nothing();
  add_lesion(log_odds, {10, 12, 30}, {5, 5, 5});
  dicom::VolumeGeometry reference = grid;
  reference.size[2] = 20;
  const LesionMap none{.labels = std::vector<std::uint16_t>(reference.voxel_count()), .lesions = {}};
  CHECK_THAT(warning_of_lost(log_odds, grid, rule, none, reference), Contains("look at 125 mm3"));
}
