#include <cstdint>

#include <torch/types.h>

#include "models/simulator/head.h"
#include "models/simulator/islands.h"
#include "models/simulator/tissue.h"
#include "tests/catch.h"

using namespace metserve::models::simulator;

namespace {

constexpr auto code(Tissue tissue) {
  return static_cast<std::int64_t>(tissue);
}

/// White matter with a ventricle in the middle and a layer of fluid below.
torch::Tensor head() {
  torch::Tensor tissue = torch::full({40, 40, 40}, code(Tissue::white_matter), torch::kUInt8);
  tissue.narrow(0, 14, 12).narrow(1, 14, 12).narrow(2, 14, 12).fill_(code(Tissue::ventricle));
  tissue.narrow(0, 0, 4).fill_(code(Tissue::csf));
  return tissue;
}

/// The head with a cube of `tissue`, `edge` voxels long, whose first corner lies at `slice`, `row`, `column`.
torch::Tensor with_cube(Tissue tissue, std::int64_t edge, std::int64_t slice, std::int64_t row,
                        std::int64_t column) {
  torch::Tensor result = head();
  result.narrow(0, slice, edge).narrow(1, row, edge).narrow(2, column, edge).fill_(code(tissue));
  return result;
}

torch::Tensor without_islands(torch::Tensor tissue, double spacing_mm = 1.0) {
  remove_islands(tissue, spacing_mm);
  return tissue;
}

}  // namespace

TEST_CASE("small parts of choroid plexus become what lies around them", "[simulator]") {
  CHECK(without_islands(with_cube(Tissue::choroid, 4, 30, 30, 30)).equal(head()));  // in white matter
  CHECK(without_islands(with_cube(Tissue::choroid, 4, 18, 18, 18)).equal(head()));  // afloat in the ventricle
  const torch::Tensor corner = without_islands(with_cube(Tissue::choroid, 3, 37, 37, 37));
  CHECK(corner.equal(head()));  // at the edge of the map
}

TEST_CASE("choroid plexus of 100 mm3 or more stays", "[simulator]") {
  const torch::Tensor large = with_cube(Tissue::choroid, 5, 18, 18, 18);  // 125 voxels
  CHECK(without_islands(large.clone()).equal(large));
  CHECK(without_islands(large.clone(), 0.9).equal(head()));               // 91 mm3
  const torch::Tensor small = with_cube(Tissue::choroid, 4, 18, 18, 18);  // 64 voxels
  CHECK(without_islands(small.clone(), 1.2).equal(small));                // 111 mm3
}

TEST_CASE("small parts of vessels amid brain tissue become brain, others stay", "[simulator]") {
  for (const Tissue vessel : {Tissue::artery, Tissue::vein}) {
    CHECK(without_islands(with_cube(vessel, 4, 30, 30, 30)).equal(head()));
    const torch::Tensor in_fluid = with_cube(vessel, 3, 0, 20, 20);
    CHECK(without_islands(in_fluid.clone()).equal(in_fluid));
    const torch::Tensor large = with_cube(vessel, 5, 30, 30, 30);
    CHECK(without_islands(large.clone()).equal(large));
  }
}

TEST_CASE("a vessel between brain and fluid is where most of its contacts are", "[simulator]") {
  const torch::Tensor at_fluid = with_cube(Tissue::vein, 3, 2, 20, 20);  // two layers of three in it
  CHECK(without_islands(at_fluid.clone()).equal(at_fluid));
  torch::Tensor expected = head();  // one layer: it goes, and that layer becomes white matter
  expected.narrow(0, 3, 1).narrow(1, 20, 3).narrow(2, 20, 3).fill_(code(Tissue::white_matter));
  CHECK(without_islands(with_cube(Tissue::vein, 3, 3, 20, 20)).equal(expected));
}

TEST_CASE("an artery and the vein that it touches are one part", "[simulator]") {
  torch::Tensor tissue = with_cube(Tissue::artery, 4, 30, 30, 20);
  tissue.narrow(0, 30, 4).narrow(1, 30, 4).narrow(2, 24, 4).fill_(code(Tissue::vein));
  const torch::Tensor before = tissue.clone();
  CHECK(without_islands(tissue).equal(before));  // 128 voxels
}

TEST_CASE("a head is prepared without the islands of its label map", "[simulator]") {
  const auto prepared = [](const metserve::models::Anatomy& anatomy) {
    Random random(5, Stream::head);
    return prepare_head(anatomy, random, torch::kCPU).tissue;
  };
  metserve::models::Anatomy anatomy = metserve::models::procedural_anatomy(3);
  const torch::Tensor before = prepared(anatomy);
  constexpr std::int64_t edge = 4;
  const torch::Tensor white = anatomy.labels.eq(2).to(torch::kFloat32).unsqueeze(0).unsqueeze(0);
  const torch::Tensor corners = torch::avg_pool3d(white, edge, 1)[0][0].eq(1).nonzero();
  REQUIRE(corners.size(0) > 0);
  const torch::Tensor at = corners[corners.size(0) / 2];
  torch::Tensor cube = anatomy.labels;
  for (std::int64_t axis = 0; axis < 3; ++axis) cube = cube.narrow(axis, at[axis].item<std::int64_t>(), edge);
  cube.fill_(136);
  CHECK(prepared(anatomy).equal(before));
}

TEST_CASE("FreeSurfer's own codes of plexus, corpus callosum and hypointensities are known", "[simulator]") {
  const torch::Tensor labels = torch::tensor({31, 63, 251, 255, 77, 1}, torch::kInt16);
  const torch::Tensor expected =
      torch::tensor({code(Tissue::choroid), code(Tissue::choroid), code(Tissue::white_matter),
                     code(Tissue::white_matter), code(Tissue::white_lesion), code(Tissue::air)});
  CHECK(tissues_of_labels(labels).to(torch::kInt64).equal(expected));
}
