#include "models/simulator/head.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/nn/functional/upsampling.h>

#include "models/error.h"
#include "models/simulator/choroid.h"
#include "models/simulator/components.h"
#include "models/simulator/fields.h"
#include "models/simulator/islands.h"
#include "models/simulator/tissue.h"

namespace metserve::models::simulator {
namespace {

struct Range {
  std::int64_t first, last;
};

/// First and last index along `axis` at which `mask` [D, H, W] is true; {0, -1} where nowhere.
Range extent(const torch::Tensor& mask, int axis) {
  torch::Tensor any = mask;
  for (int other = 2; other >= 0; --other)
    if (other != axis) any = any.any(other);
  const torch::Tensor indices = any.nonzero();
  if (indices.size(0) == 0) return {0, -1};
  return {indices[0].item<std::int64_t>(), indices[-1].item<std::int64_t>()};
}

torch::Tensor cropped(torch::Tensor labels) {
  constexpr std::int64_t margin = 2;
  const torch::Tensor inside = labels.ne(0);
  for (int axis = 0; axis < 3; ++axis) {
    const Range range = extent(inside, axis);
    const std::int64_t first = std::max<std::int64_t>(0, range.first - margin);
    const std::int64_t last = std::min<std::int64_t>(labels.size(axis) - 1, range.last + margin);
    labels = labels.narrow(axis, first, std::max<std::int64_t>(0, last - first + 1));
  }
  return labels.contiguous();
}

Shape shape_of(const torch::Tensor& volume) {
  return {volume.size(0), volume.size(1), volume.size(2)};
}

void set(torch::Tensor& tissue, const torch::Tensor& where, Tissue value) {
  tissue.masked_fill_(where, static_cast<std::int64_t>(value));
}

torch::Tensor among(const torch::Tensor& labels, std::initializer_list<std::int64_t> wanted) {
  torch::Tensor result = labels.eq(*wanted.begin());
  for (auto one = wanted.begin() + 1; one != wanted.end(); ++one) result.logical_or_(labels.eq(*one));
  return result;
}

/// A membrane one voxel thick where the neighbourhood turns from `one` to `other` along `axes`.
torch::Tensor sheet_between(const torch::Tensor& one, const torch::Tensor& other,
                            const std::vector<int>& axes) {
  namespace F = torch::nn::functional;
  const auto density = [](const torch::Tensor& mask) {
    const torch::Tensor coarse =
        torch::avg_pool3d(mask.to(torch::kFloat32).unsqueeze(0).unsqueeze(0), 4, 4, 0, true);
    return torch::avg_pool3d(coarse, 3, 1, 1);
  };
  const torch::Tensor first = density(one), second = density(other);
  const torch::Tensor both = torch::stack({first - second, torch::minimum(first, second)}, 1).squeeze(2);
  const auto fine =
      F::interpolate(both, F::InterpolateFuncOptions()
                               .size(std::vector<std::int64_t>(one.sizes().begin(), one.sizes().end()))
                               .mode(torch::kTrilinear)
                               .align_corners(false))[0];
  const torch::Tensor side = fine[0].gt(0);
  torch::Tensor turn = torch::zeros_like(side);
  for (int axis : axes) {
    const std::int64_t inside = side.size(axis) - 1;
    turn.narrow(axis, 0, inside).logical_or_(side.narrow(axis, 0, inside).ne(side.narrow(axis, 1, inside)));
  }
  return turn.logical_and_(fine[1].gt(0.08));
}

void add_dura(torch::Tensor& tissue, const torch::Tensor& labels, Random& random) {
  const torch::Tensor inside =
      any_of(tissue, {Tissue::csf, Tissue::cortex, Tissue::vein, Tissue::cerebellar_cortex});
  torch::Tensor shell = dilate(inside).logical_and_(any_of(tissue, {Tissue::cortical_bone, Tissue::marrow}));
  shell.logical_and_(smooth_field(shape_of(tissue), 12, random, tissue.device()).gt(-1.0));
  set(tissue, shell, Tissue::dura);
  const torch::Tensor fluid = tissue.eq(static_cast<std::int64_t>(Tissue::csf));
  const torch::Tensor falx = sheet_between(among(labels, {2, 3}), among(labels, {41, 42}), {2});
  const torch::Tensor tentorium =
      sheet_between(among(labels, {2, 3, 41, 42}), among(labels, {7, 8, 46, 47}), {0, 1});
  const torch::Tensor near_ventricle = dilate(any_of(tissue, {Tissue::ventricle, Tissue::choroid}), 5);
  set(tissue, falx.logical_or(tentorium).logical_and_(fluid).logical_and_(near_ventricle.logical_not()),
      Tissue::dura);
}

/// Soft tissue is fat below the skin and along fasciae, else muscle; the inner layers of the scalp are fat.
void divide_soft_tissue(torch::Tensor& tissue, Random& random) {
  const torch::Tensor skin = any_of(tissue, {Tissue::skin});
  const torch::Tensor outermost = dilate(any_of(tissue, {Tissue::air}), 2);
  set(tissue, skin.logical_and(outermost.logical_not()), Tissue::fat);
  const torch::Tensor muscle = any_of(tissue, {Tissue::muscle});
  const torch::Tensor fascia = smooth_field(shape_of(tissue), 7, random, tissue.device())
                                   .add_(smooth_field(shape_of(tissue), 22, random, tissue.device()))
                                   .gt(random.uniform(0.2, 0.9));
  const torch::Tensor below_skin = dilate(skin, static_cast<int>(random.integer(1, 4)));
  set(tissue, fascia.logical_or_(below_skin).logical_and_(muscle), Tissue::fat);
}

/// An ellipsoid in the sella, below the optic chiasm (label 85), where there is one.
void add_pituitary(torch::Tensor& tissue, const torch::Tensor& labels, double spacing_mm) {
  const torch::Tensor chiasm = largest_component(labels.eq(85).cpu()).nonzero();
  if (chiasm.size(0) == 0) return;
  const torch::Tensor sum = chiasm.sum(0);
  constexpr std::array<double, 3> offset_mm{-9, 1, 0}, half_axes_mm{3.5, 4.5, 6};
  torch::Tensor distance = torch::zeros({1, 1, 1}, tissue.options().dtype(torch::kFloat32));
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const double centre =
        sum[axis].item<double>() / static_cast<double>(chiasm.size(0)) + offset_mm[a] / spacing_mm;
    std::vector<std::int64_t> view{1, 1, 1};
    view[a] = -1;
    const torch::Tensor along = torch::arange(tissue.size(axis), distance.options());
    distance = distance + along.sub(centre).mul_(spacing_mm / half_axes_mm[a]).square_().view(view);
  }
  const torch::Tensor elsewhere =
      any_of(tissue, {Tissue::air, Tissue::csf, Tissue::muscle, Tissue::fat, Tissue::cortical_bone,
                      Tissue::marrow, Tissue::dura, Tissue::mucosa});
  set(tissue, distance.lt(1).logical_and_(elsewhere), Tissue::pituitary);
}

}  // namespace

Head prepare_head(const Anatomy& anatomy, Random& random, torch::Device device) {
  if (anatomy.labels.dim() != 3)
    throw Error(Error::Kind::bad_input, "anatomy '" + anatomy.name + "': the labels are no volume [D, H, W]");
  const torch::Tensor labels = cropped(anatomy.labels.to(device));
  Head head{.tissue = tissues_of_labels(labels), .spacing_mm = anatomy.spacing_mm};
  remove_islands(head.tissue, head.spacing_mm);
  const torch::Tensor brain =
      any_of(head.tissue, {Tissue::white_matter, Tissue::cortex, Tissue::cerebellar_cortex,
                           Tissue::cerebellar_white, Tissue::brainstem});
  for (int axis = 0; axis < 3; ++axis) {
    const Range range = extent(brain, axis);
    if (range.last < range.first)
      throw Error(Error::Kind::bad_input,
                  "anatomy '" + anatomy.name + "': no brain labels (2, 3, 41, 42, ...)");
    head.brain_centre[static_cast<std::size_t>(axis)] = 0.5 * static_cast<double>(range.first + range.last);
  }
  add_dura(head.tissue, labels, random);
  divide_soft_tissue(head.tissue, random);
  add_pituitary(head.tissue, labels, head.spacing_mm);
  grow_choroid(head.tissue, head.spacing_mm, random);
  return head;
}

}  // namespace metserve::models::simulator
