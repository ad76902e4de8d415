#include <cstdint>

#include <torch/types.h>

#include "models/simulator/tissue.h"
#include "models/simulator/vessels.h"
#include "tests/catch.h"

using namespace metserve::models::simulator;

namespace {

constexpr std::int64_t edge = 60;

torch::Tensor white_matter() {
  return torch::full({edge, edge, edge}, static_cast<std::int64_t>(Tissue::white_matter), torch::kUInt8);
}

void fill_with_fluid(const torch::Tensor& part) {
  part.fill_(static_cast<std::int64_t>(Tissue::csf));
}

torch::Tensor vessels_in(const torch::Tensor& tissue, std::uint64_t seed) {
  Random random(seed, Stream::vessels);
  return draw_vessels(tissue, Canvas{.shape = {edge, edge, edge}}, random);
}

}  // namespace

TEST_CASE("vessels run along a sulcus", "[simulator]") {
  torch::Tensor tissue = white_matter();
  const torch::Tensor sulcus = tissue.narrow(1, 28, 4);
  fill_with_fluid(sulcus);
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    CHECK(vessels_in(tissue, seed).narrow(1, 29, 2).gt(0.9).sum().item<std::int64_t>() > 1000);
}

TEST_CASE("hardly a vessel begins in a pocket of fluid amid brain", "[simulator]") {
  torch::Tensor tissue = white_matter();
  const torch::Tensor middles = torch::zeros({edge, edge, edge}, torch::kBool);
  for (std::int64_t s = 10; s < edge; s += 15)
    for (std::int64_t r = 10; r < edge; r += 15)
      for (std::int64_t c = 10; c < edge; c += 15) {
        fill_with_fluid(tissue.narrow(0, s - 2, 5).narrow(1, r - 2, 5).narrow(2, c - 2, 5));
        middles[s][r][c] = true;
      }
  double filled = 0, pockets = 0;  // veins of the white matter end 2.5 mm from the middles
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const torch::Tensor coverage = vessels_in(tissue, seed).masked_select(middles);
    filled += static_cast<double>(coverage.gt(0).sum().item<std::int64_t>());
    pockets += static_cast<double>(coverage.size(0));
  }
  CHECK(filled < 0.02 * pockets);  // the few that find their way out are long enough to be vessels
}
