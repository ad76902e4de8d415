#include <torch/types.h>

#include "models/simulator/choroid.h"
#include "models/simulator/tissue.h"
#include "tests/catch.h"

using namespace metserve::models::simulator;

namespace {

constexpr auto code(Tissue tissue) {
  return static_cast<std::int64_t>(tissue);
}

/// White matter with a ventricle of 20 x 40 x 16 voxels, along whose floor a plexus runs.
torch::Tensor head_with_ventricle() {
  torch::Tensor tissue = torch::full({40, 60, 40}, code(Tissue::white_matter), torch::kUInt8);
  tissue.narrow(0, 10, 20).narrow(1, 10, 40).narrow(2, 12, 16).fill_(code(Tissue::ventricle));
  tissue.narrow(0, 10, 1).narrow(1, 15, 30).narrow(2, 19, 2).fill_(code(Tissue::choroid));
  return tissue;
}

}  // namespace

TEST_CASE("a choroid plexus grows into the ventricle alone, another way in each head", "[simulator]") {
  const torch::Tensor before = head_with_ventricle();
  const std::int64_t thin = before.eq(code(Tissue::choroid)).sum().item<std::int64_t>();
  int grown = 0, as_it_was = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    torch::Tensor after = before.clone();
    Random random(seed, Stream::head);
    grow_choroid(after, 1.0, random);
    const torch::Tensor changed = after.ne(before);
    CHECK(before.masked_select(changed).eq(code(Tissue::ventricle)).all().item<bool>());
    CHECK(after.masked_select(changed).eq(code(Tissue::choroid)).all().item<bool>());
    const std::int64_t voxels = after.eq(code(Tissue::choroid)).sum().item<std::int64_t>();
    (voxels > thin ? grown : as_it_was) += 1;
    CHECK(voxels < thin + 6 * 905);  // six balls of 12 mm
  }
  CHECK(grown > 20);
  CHECK(as_it_was > 0);
}

TEST_CASE("a head without a choroid plexus stays as it is", "[simulator]") {
  torch::Tensor tissue = head_with_ventricle();
  tissue.masked_fill_(tissue.eq(code(Tissue::choroid)), code(Tissue::ventricle));
  const torch::Tensor before = tissue.clone();
  Random random(3, Stream::head);
  grow_choroid(tissue, 1.0, random);
  CHECK(tissue.equal(before));
}
