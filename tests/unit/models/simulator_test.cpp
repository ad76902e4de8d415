#include "models/simulator.h"

#include <cmath>
#include <cstdint>
#include <queue>
#include <set>

#include <torch/types.h>

#include "models/error.h"
#include "tests/catch.h"

using Catch::Matchers::Contains;
using namespace metserve::models;

namespace {

const Anatomy& head() {
  static const Anatomy anatomy = procedural_anatomy(1);
  return anatomy;
}

SimulatorOptions on_network_grid() {
  SimulatorOptions options;
  options.seed = 11;
  options.native_geometry = false;
  options.min_lesions = 8;
  return options;
}

const SimulatedStudy& network_study() {
  static const SimulatedStudy study = simulate_study(head(), on_network_grid(), torch::kCPU);
  return study;
}

const SimulatedStudy& native_study() {
  static const SimulatedStudy study = [] {
    SimulatorOptions options;
    options.seed = 12;
    options.min_lesions = 5;
    return simulate_study(head(), options, torch::kCPU);
  }();
  return study;
}

double voxel_mm3(const SpatialImage& image) {
  return std::abs(torch::det(image.index_to_lps_mm.narrow(0, 0, 3).narrow(1, 0, 3)).item<double>());
}

/// Number of 26-connected components of a bool volume.
int components(const torch::Tensor& mask) {
  std::set<std::array<std::int64_t, 3>> left;
  const torch::Tensor voxels = mask.nonzero();
  for (std::int64_t i = 0; i < voxels.size(0); ++i)
    left.insert({voxels[i][0].item<std::int64_t>(), voxels[i][1].item<std::int64_t>(),
                 voxels[i][2].item<std::int64_t>()});
  int count = 0;
  while (!left.empty()) {
    ++count;
    std::queue<std::array<std::int64_t, 3>> queue;
    queue.push(*left.begin());
    left.erase(left.begin());
    for (; !queue.empty(); queue.pop())
      for (int neighbour = 0; neighbour < 27; ++neighbour) {
        auto next = queue.front();
        next[0] += neighbour / 9 - 1;
        next[1] += neighbour / 3 % 3 - 1;
        next[2] += neighbour % 3 - 1;
        if (left.erase(next) > 0) queue.push(next);
      }
  }
  return count;
}

/// The image's value at LPS mm, nearest voxel; 0 outside.
float value_at(const SpatialImage& image, const torch::Tensor& lps_mm) {
  const torch::Tensor at = torch::inverse(image.index_to_lps_mm).mv(lps_mm);
  std::array<std::int64_t, 3> index{};
  for (int axis = 0; axis < 3; ++axis) {
    index[static_cast<std::size_t>(axis)] = std::llround(at[axis].item<double>());
    if (index[static_cast<std::size_t>(axis)] < 0 ||
        index[static_cast<std::size_t>(axis)] >= image.voxels.size(2 - axis))
      return 0;
  }
  return image.voxels[index[2]][index[1]][index[0]].item<float>();
}

torch::Tensor centroid(const SimulatedLesion& lesion) {
  const auto& at = lesion.centroid_lps_mm;
  return torch::tensor({at[0], at[1], at[2], 1.0}, torch::kFloat64);
}

}  // namespace

TEST_CASE("the same seed gives the same study, another seed another", "[simulator]") {
  const SimulatedStudy again = simulate_study(head(), on_network_grid(), torch::kCPU);
  REQUIRE(again.sequences.size() == 4);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(torch::equal(again.sequences[i].image.voxels, network_study().sequences[i].image.voxels));
  CHECK(torch::equal(again.truth.voxels, network_study().truth.voxels));

  SimulatorOptions other = on_network_grid();
  other.seed = 99;
  other.keep = SlotSet("0001");
  const SimulatedStudy different = simulate_study(head(), other, torch::kCPU);
  CHECK_FALSE(torch::equal(different.truth.voxels, network_study().truth.voxels));
}

TEST_CASE("the simulator leaves LibTorch's global generator alone", "[simulator]") {
  torch::manual_seed(5);
  const torch::Tensor expected = torch::rand({4});
  torch::manual_seed(5);
  (void)procedural_anatomy(2);
  SimulatorOptions options = on_network_grid();
  options.keep = SlotSet("0001");
  (void)simulate_study(head(), options, torch::kCPU);
  CHECK(torch::equal(torch::rand({4}), expected));
}

TEST_CASE("the lesion list describes the truth mask", "[simulator]") {
  for (const SimulatedStudy* study : {&network_study(), &native_study()}) {
    REQUIRE_FALSE(study->lesions.empty());
    CHECK(study->truth.voxels.max().item<int>() == static_cast<int>(study->lesions.size()));
    for (const SimulatedLesion& lesion : study->lesions) {
      const torch::Tensor mask = study->truth.voxels.eq(lesion.number);
      const auto voxels = mask.sum().item<std::int64_t>();
      CHECK(lesion.volume_mm3 == Approx(static_cast<double>(voxels) * voxel_mm3(study->truth)));
      const torch::Tensor mean = mask.nonzero().to(torch::kFloat64).mean(0).flip(0);
      const torch::Tensor lps =
          study->truth.index_to_lps_mm.mv(torch::cat({mean, torch::ones({1}, torch::kFloat64)}));
      for (int axis = 0; axis < 3; ++axis)
        CHECK(lps[axis].item<double>() ==
              Approx(lesion.centroid_lps_mm[static_cast<std::size_t>(axis)]).margin(1e-6));
      CHECK(lesion.diameter_mm > 2);
      CHECK(lesion.diameter_mm < 60);
      CHECK(lesion.volume_mm3 < 4.19 * std::pow(lesion.diameter_mm / 2, 3) * 1.3);
    }
  }
}

TEST_CASE("every lesion is one component of at least 10 mm3 and none touches another", "[simulator]") {
  const SimulatedStudy& study = network_study();
  for (const SimulatedLesion& lesion : study.lesions) {
    CHECK(lesion.volume_mm3 >= 10);
    CHECK(components(study.truth.voxels.eq(lesion.number)) == 1);
  }
  CHECK(components(study.truth.voxels.gt(0)) == static_cast<int>(study.lesions.size()));
}

TEST_CASE("on the network grid all sequences share the axial 256 x 256 grid", "[simulator]") {
  const SimulatedStudy& study = network_study();
  for (const SimulatedSequence& sequence : study.sequences) {
    CHECK(sequence.image.voxels.sizes().vec() == std::vector<std::int64_t>{160, 256, 256});
    CHECK(torch::equal(sequence.image.index_to_lps_mm, study.truth.index_to_lps_mm));
    CHECK(torch::isfinite(sequence.image.voxels).all().item<bool>());
    CHECK(sequence.image.voxels.min().item<float>() >= 0);
    CHECK(sequence.image.voxels.max().item<float>() <= 4095);
  }
  const auto matrix = study.truth.index_to_lps_mm.accessor<double, 2>();
  CHECK(matrix[0][0] == Approx(0.9375));
  CHECK(matrix[1][1] == Approx(0.9375));
  CHECK(matrix[2][2] == Approx(1.0));
}

TEST_CASE("native series lie as a scanner makes them and find the lesions where the motion says",
          "[simulator]") {
  const SimulatedStudy& study = native_study();
  REQUIRE(study.sequences.size() == 4);
  CHECK(torch::equal(study.sequences[0].patient_motion, torch::eye(4, torch::kFloat64)));
  CHECK(study.sequences[0].image.voxels.sizes().vec() == study.truth.voxels.sizes().vec());
  for (std::size_t i = 1; i < 4; ++i) {
    const auto matrix = study.sequences[i].image.index_to_lps_mm.accessor<double, 2>();
    CHECK(matrix[1][0] == Approx(250.0 / 256));   // columns run backwards
    CHECK(matrix[2][1] == Approx(-250.0 / 256));  // rows run down
    CHECK(matrix[0][2] == Approx(-1.0));          // slices run from left to right
    CHECK_FALSE(torch::allclose(study.sequences[i].patient_motion, torch::eye(4, torch::kFloat64)));
  }
  // A lesion's middle in both CUBE series, where each one's own motion brought it: brighter after the agent
  // unless its core is hollow, so most of them.
  const SpatialImage& pre = study.sequences[1].image;
  const SpatialImage& post = study.sequences[2].image;
  int brighter = 0;
  for (const SimulatedLesion& lesion : study.lesions) {
    const torch::Tensor at = centroid(lesion);
    const float before =
        value_at(pre, study.sequences[1].patient_motion.mv(at)) / pre.voxels.median().item<float>();
    const float after =
        value_at(post, study.sequences[2].patient_motion.mv(at)) / post.voxels.median().item<float>();
    CHECK(before > 0);
    CHECK(after > 0);
    brighter += after > before ? 1 : 0;
  }
  CHECK(brighter > 0);
}

TEST_CASE("lesions are brighter than their surroundings after the contrast agent, more so than before",
          "[simulator]") {
  const SimulatedStudy& study = network_study();
  const torch::Tensor inside = study.truth.voxels.gt(0);
  const torch::Tensor grown =
      torch::max_pool3d(inside.to(torch::kFloat32).unsqueeze(0).unsqueeze(0), 7, 1, 3)[0][0].gt(0);
  const torch::Tensor around = grown.logical_and(inside.logical_not());
  const auto contrast = [&](Slot slot) {
    const torch::Tensor& voxels = study.sequences[index(slot)].image.voxels;
    return (voxels.masked_select(inside).mean() / voxels.masked_select(around).mean()).item<double>();
  };
  CHECK(contrast(Slot::t1_gre_post) > 1.1);
  CHECK(contrast(Slot::t1_se_post) > 1.1);
  CHECK(contrast(Slot::t1_se_post) > contrast(Slot::t1_se_pre) + 0.1);
}

TEST_CASE("sequences that are left out change neither lesions nor the others", "[simulator]") {
  SimulatorOptions options = on_network_grid();
  options.keep = SlotSet("1101");  // all but CUBE pre
  const SimulatedStudy study = simulate_study(head(), options, torch::kCPU);
  REQUIRE(study.sequences.size() == 3);
  CHECK(study.sequences[1].slot == Slot::t1_se_post);
  CHECK(torch::equal(study.truth.voxels, network_study().truth.voxels));
  CHECK(torch::equal(study.sequences[1].image.voxels, network_study().sequences[2].image.voxels));
}

TEST_CASE("Motion and shares that are no numbers or out of range are refused by name", "[simulator]") {
  const double wrong = GENERATE(-1.0, std::nan(""), 1000.0);
  SimulatorOptions degrees, millimetres, contrasts;
  degrees.motion_deg = millimetres.motion_mm = contrasts.random_contrasts = wrong;
  CHECK_THROWS_WITH(simulate_study(head(), degrees, torch::kCPU), Contains("motion_deg"));
  CHECK_THROWS_WITH(simulate_study(head(), millimetres, torch::kCPU), Contains("motion_mm"));
  CHECK_THROWS_WITH(simulate_study(head(), contrasts, torch::kCPU), Contains("random_contrasts"));
}

TEST_CASE("without BRAVO the truth lies on the sagittal grid of the first sequence left", "[simulator]") {
  SimulatorOptions options;
  options.seed = 13;
  options.min_lesions = 4;
  options.keep = SlotSet("1100");
  const SimulatedStudy study = simulate_study(head(), options, torch::kCPU);
  REQUIRE(study.sequences.size() == 2);
  CHECK(study.sequences[0].slot == Slot::t1_se_post);
  CHECK(study.truth.voxels.sizes() == study.sequences[0].image.voxels.sizes());
  CHECK(torch::equal(study.truth.index_to_lps_mm, study.sequences[0].image.index_to_lps_mm));
  CHECK(study.truth.index_to_lps_mm[0][2].item<double>() == Approx(-1.0));
  CHECK(study.lesions.size() >= 4);
  for (const SimulatedLesion& lesion : study.lesions)
    CHECK(value_at(study.truth, centroid(lesion)) == lesion.number);
}

TEST_CASE("the other hospital has no BRAVO, and SPACE of 0.9 mm", "[simulator]") {
  SimulatorOptions options;
  options.seed = 17;
  options.hospital = Hospital::oslo;
  const SimulatedStudy study = simulate_study(head(), options, torch::kCPU);
  REQUIRE(study.sequences.size() == 3);
  for (const SimulatedSequence& sequence : study.sequences) {
    CHECK(sequence.slot != Slot::t1_gre_post);
    CHECK(sequence.image.voxels.sizes() == std::vector<std::int64_t>{192, 256, 256});
    CHECK(voxel_mm3(sequence.image) == Approx(0.9 * 0.9 * 0.9));
    CHECK(sequence.flip_deg == 120);
  }
  CHECK(study.sequences[0].tr_ms == Approx(700).margin(20));
  CHECK(study.sequences[2].te_ms == 387);
  for (const SimulatedLesion& lesion : study.lesions)
    CHECK(value_at(study.truth, centroid(lesion)) == lesion.number);

  options.keep = SlotSet("0001");
  CHECK_THROWS_AS(simulate_study(head(), options, torch::kCPU), Error);
}

TEST_CASE("an anatomy without a brain and impossible options are refused", "[simulator]") {
  const Anatomy empty{.name = "nobody", .labels = torch::zeros({32, 32, 32}, torch::kInt16), .spacing_mm = 1};
  CHECK_THROWS_AS(simulate_study(empty, {}, torch::kCPU), Error);
  SimulatorOptions none;
  none.keep = SlotSet();
  CHECK_THROWS_AS(simulate_study(head(), none, torch::kCPU), Error);
}
