#include "server/canary.h"

#include <limits>
#include <string>

#include "models/error.h"

namespace metserve::server {

void run_canary(const models::Segmenter& segmenter) {
  constexpr std::int64_t slices = 5, side = 256;
  const auto shape = {static_cast<std::int64_t>(models::slot_count), slices, side, side};
  const torch::Tensor input = at::linspace(0, 1, models::slot_count * slices * side * side).reshape(shape);
  const torch::Tensor output = segmenter.log_odds(input, models::SlotSet().set());
  const bool right_shape = output.sizes() == at::IntArrayRef{slices, side, side};
  // NaN is less than nothing.
  const bool numbers = right_shape && output.lt(std::numeric_limits<float>::infinity()).all().item<bool>();
  if (!numbers) {
    throw models::Error(
        models::Error::Kind::device,
        "the network's answer to a known input is not a number: device or weights are broken");
  }
}

}  // namespace metserve::server
