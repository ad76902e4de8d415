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

torch::Tensor prepared(const metserve::models::Anatomy& anatomy) {
  Random random(5, Stream::head);
  return prepare_head(anatomy, random, torch::kCPU).tissue;
}

/// The labels of a cube of `edge` voxels amid the white matter (label 2), as a view into the anatomy.
torch::Tensor cube_in_white_matter(const metserve::models::Anatomy& anatomy, std::int64_t edge) {
  const torch::Tensor white = anatomy.labels.eq(2).to(torch::kFloat32).unsqueeze(0).unsqueeze(0);
  const torch::Tensor corners = torch::avg_pool3d(white, edge, 1)[0][0].eq(1).nonzero();
  REQUIRE(corners.size(0) > 0);
  const torch::Tensor at = corners[corners.size(0) / 2];
  torch::Tensor cube = anatomy.labels;
  for (std::int64_t axis = 0; axis < 3; ++axis) cube = cube.narrow(axis, at[axis].item<std::int64_t>(), edge);
  return cube;
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

TEST_CASE("small parts of vessels in the wall of a ventricle go", "[simulator]") {
  torch::Tensor expected = head();  // one layer of three lies in the ventricle
  expected.narrow(0, 14, 1).narrow(1, 18, 3).narrow(2, 18, 3).fill_(code(Tissue::white_matter));
  CHECK(without_islands(with_cube(Tissue::artery, 3, 12, 18, 18)).equal(expected));
  CHECK(without_islands(with_cube(Tissue::artery, 3, 18, 18, 18)).equal(head()));
}

TEST_CASE("small parts of what lies outside the brain go within the skull and stay elsewhere",
          "[simulator]") {
  for (const Tissue outside :
       {Tissue::cortical_bone, Tissue::marrow, Tissue::mucosa, Tissue::muscle, Tissue::skin}) {
    CHECK(without_islands(with_cube(outside, 3, 0, 20, 20)).equal(head()));
    CHECK(without_islands(with_cube(outside, 4, 30, 30, 30)).equal(head()));
    torch::Tensor face = torch::full({20, 20, 20}, code(Tissue::fat), torch::kUInt8);
    face.narrow(0, 8, 3).narrow(1, 8, 3).narrow(2, 8, 3).fill_(code(outside));
    CHECK(without_islands(face.clone()).equal(face));
  }
}

TEST_CASE("an artery and the vein that it touches are one part", "[simulator]") {
  torch::Tensor tissue = with_cube(Tissue::artery, 4, 30, 30, 20);
  tissue.narrow(0, 30, 4).narrow(1, 30, 4).narrow(2, 24, 4).fill_(code(Tissue::vein));
  const torch::Tensor before = tissue.clone();
  CHECK(without_islands(tissue).equal(before));  // 128 voxels
}

TEST_CASE("a head is prepared without the islands of its label map", "[simulator]") {
  metserve::models::Anatomy anatomy = metserve::models::procedural_anatomy(3);
  const torch::Tensor before = prepared(anatomy);
  cube_in_white_matter(anatomy, 4).fill_(136);
  CHECK(prepared(anatomy).equal(before));
}

TEST_CASE("the pituitary lies below the chiasm, wherever else its label stands", "[simulator]") {
  metserve::models::Anatomy anatomy = metserve::models::procedural_anatomy(3);
  const torch::Tensor chiasm = anatomy.labels.eq(85).nonzero().to(torch::kFloat64).mean(0).to(torch::kInt64);
  const auto from = [&](std::int64_t axis, std::int64_t steps) {
    return chiasm[axis].item<std::int64_t>() + steps;
  };
  anatomy.labels.narrow(0, from(0, -18), 14).narrow(1, from(1, -6), 14).narrow(2, from(2, -8), 16).fill_(24);
  const torch::Tensor before = prepared(anatomy).eq(code(Tissue::pituitary));
  REQUIRE(before.any().item<bool>());
  cube_in_white_matter(anatomy, 2).fill_(85);
  CHECK(prepared(anatomy).eq(code(Tissue::pituitary)).equal(before));
}

TEST_CASE("FreeSurfer's own codes of plexus, corpus callosum and hypointensities are known", "[simulator]") {
  const torch::Tensor labels = torch::tensor({31, 63, 251, 255, 77, 1}, torch::kInt16);
  const torch::Tensor expected =
      torch::tensor({code(Tissue::choroid), code(Tissue::choroid), code(Tissue::white_matter),
                     code(Tissue::white_matter), code(Tissue::white_lesion), code(Tissue::air)});
  CHECK(tissues_of_labels(labels).to(torch::kInt64).equal(expected));
}
