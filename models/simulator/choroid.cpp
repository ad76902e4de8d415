#include "models/simulator/choroid.h"

#include <algorithm>

#include "models/simulator/lesion_shape.h"
#include "models/simulator/tissue.h"

namespace metserve::models::simulator {

void grow_choroid(torch::Tensor& tissue, double spacing_mm, Random& random) {
  const torch::Tensor plexus = any_of(tissue, {Tissue::choroid}).nonzero().cpu();
  if (plexus.size(0) == 0) return;
  const auto places = plexus.accessor<std::int64_t, 2>();
  const Canvas grid{.shape = {tissue.size(0), tissue.size(1), tissue.size(2)},
                    .spacing_mm = {spacing_mm, spacing_mm, spacing_mm}};
  const auto parts = random.integer(0, 6);
  for (std::int64_t part = 0; part < parts; ++part) {
    const auto one = places[random.integer(0, plexus.size(0) - 1)];
    const auto other = places[random.integer(0, plexus.size(0) - 1)];
    const auto at = one[1] > other[1] ? one : other;  // the further posterior of the two
    const std::array<double, 3> centre{static_cast<double>(at[0]), static_cast<double>(at[1]),
                                       static_cast<double>(at[2])};
    const double diameter_mm = random.log_uniform(3, 12);
    const Box box = box_around(centre, diameter_mm, grid);
    const Distances away = distances(draw_shape(diameter_mm, centre, random), box, grid);
    torch::Tensor around = box.cut(tissue);
    const torch::Tensor grown =
        away.surface_mm.lt(0).to(tissue.device()).logical_and_(any_of(around, {Tissue::ventricle}));
    around.masked_fill_(grown, static_cast<std::int64_t>(Tissue::choroid));
  }
}

}  // namespace metserve::models::simulator
