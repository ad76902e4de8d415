#include "models/simulator/lesions.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <torch/types.h>

#include "models/simulator/components.h"
#include "models/simulator/lesion_shape.h"
#include "models/simulator/tissue.h"

namespace metserve::models::simulator {
namespace {

constexpr double smallest_volume_mm3 = 10;
constexpr double smallest_diameter_mm = 2, largest_diameter_mm = 40;

using Tissues = torch::TensorAccessor<std::uint8_t, 3>;
using Voxel = std::array<std::int64_t, 3>;

enum class Site { junction, cortex, white_matter, cerebellum, deep, brainstem };

Site draw_site(Random& random) {
  const double draw = random.uniform(0, 1);
  if (draw < 0.47) return Site::junction;
  if (draw < 0.60) return Site::cortex;
  if (draw < 0.72) return Site::white_matter;
  if (draw < 0.88) return Site::cerebellum;
  if (draw < 0.95) return Site::deep;
  return Site::brainstem;
}

bool touches(const Tissues& tissue, const Voxel& at, const Voxel& low, const Voxel& high, Tissue wanted) {
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::int64_t offset : {-2, -1, 1, 2}) {
      Voxel next = at;
      next[axis] += offset;
      if (next[axis] < low[axis] || next[axis] >= high[axis]) continue;
      if (static_cast<Tissue>(tissue[next[0]][next[1]][next[2]]) == wanted) return true;
    }
  return false;
}

bool belongs(Site site, const Tissues& tissue, const Voxel& at, const LesionPlan& plan) {
  const auto here = static_cast<Tissue>(tissue[at[0]][at[1]][at[2]]);
  switch (site) {
    case Site::junction:
      return here == Tissue::white_matter && touches(tissue, at, plan.low, plan.high, Tissue::cortex);
    case Site::cortex:
      return here == Tissue::cortex;
    case Site::white_matter:
      return here == Tissue::white_matter || here == Tissue::white_lesion;
    case Site::cerebellum:
      return here == Tissue::cerebellar_cortex || here == Tissue::cerebellar_white;
    case Site::deep:
      return here == Tissue::deep_gray || here == Tissue::thalamus;
    case Site::brainstem:
      return here == Tissue::brainstem;
  }
  return false;
}

std::optional<Voxel> find_site(const Tissues& tissue, const LesionPlan& plan, Random& random) {
  const Site site = draw_site(random);
  constexpr int trials = 5000;
  for (int trial = 0; trial < trials; ++trial) {
    Voxel at;
    for (std::size_t axis = 0; axis < 3; ++axis)
      at[axis] = random.integer(plan.low[axis], plan.high[axis] - 1);
    if (belongs(site, tissue, at, plan)) return at;
  }
  return std::nullopt;
}

/// True where the canvas may hold a lesion: within the plan's limits, and brain or fluid.
torch::Tensor room(const torch::Tensor& tissue, const Box& box, const LesionPlan& plan) {
  torch::Tensor allowed =
      any_of(box.cut(tissue).contiguous(),
             {Tissue::white_matter, Tissue::cortex, Tissue::deep_gray, Tissue::thalamus, Tissue::pallidum,
              Tissue::cerebellar_white, Tissue::cerebellar_cortex, Tissue::brainstem, Tissue::white_lesion,
              Tissue::csf, Tissue::ventricle, Tissue::choroid});
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    std::vector<std::int64_t> view{1, 1, 1};
    view[a] = -1;
    const torch::Tensor at = torch::arange(box.first[a], box.first[a] + box.size[a]).view(view);
    allowed = allowed.logical_and(at.ge(plan.low[a]).logical_and_(at.lt(plan.high[a])));
  }
  return allowed;
}

/// Oedema runs along the white matter, little into the cortex and not into fluid.
torch::Tensor oedema_share(const torch::Tensor& tissue) {
  torch::Tensor table = torch::zeros({256}, torch::kFloat32);
  const auto set = [&](Tissue one, float share) { table[static_cast<std::int64_t>(one)] = share; };
  for (Tissue one : {Tissue::white_matter, Tissue::white_lesion, Tissue::cerebellar_white}) set(one, 1.0F);
  for (Tissue one : {Tissue::cortex, Tissue::cerebellar_cortex}) set(one, 0.3F);
  for (Tissue one : {Tissue::brainstem, Tissue::deep_gray, Tissue::thalamus, Tissue::pallidum})
    set(one, 0.5F);
  return table.index_select(0, tissue.flatten().to(torch::kInt32)).view(tissue.sizes());
}

double oedema_reach_mm(double diameter_mm, Random& random) {
  const double probability = diameter_mm < 5 ? 0.15 : diameter_mm < 10 ? 0.45 : 0.8;
  if (!random.chance(probability)) return 0;
  return std::min(25.0, 2 + diameter_mm * random.log_uniform(0.2, 1.3));
}

void draw_make_up(Lesion& lesion, double diameter_mm, const torch::Tensor& surface_mm,
                  const torch::Tensor& rim, Random& random) {
  lesion.gadolinium_mm = random.log_uniform(0.1, 0.9);
  // What is small must stand out more to be seen at all.
  lesion.least_contrast = random.log_uniform(1.08, 1.3) + 0.35 * std::exp(-diameter_mm / 5);
  lesion.t1_short = random.chance(0.06);
  const double hollow = diameter_mm < 6 ? 0.08 : diameter_mm < 12 ? 0.35 : 0.65;
  if (!random.chance(hollow)) {
    lesion.core = torch::zeros_like(lesion.body);
    return;
  }
  const double rim_mm = std::min(random.uniform(1.2, 2.2) + 0.08 * diameter_mm, 0.35 * diameter_mm);
  lesion.core = surface_mm.add(rim, rim_mm).mul_(-1).add_(0.5).clamp_(0, 1).mul_(lesion.body);
  lesion.cystic = random.chance(0.2);
  lesion.core_gadolinium_mm = random.chance(0.4) ? lesion.gadolinium_mm * random.uniform(0.1, 0.5) : 0.0;
}

std::optional<Lesion> grow(double& diameter_mm, const Voxel& at, const LesionPlan& plan,
                           const torch::Tensor& tissue, const Canvas& canvas, const torch::Tensor& numbers,
                           torch::Tensor& mask, Random& random) {
  const std::array<double, 3> centre{static_cast<double>(at[0]) + random.uniform(-0.5, 0.5),
                                     static_cast<double>(at[1]) + random.uniform(-0.5, 0.5),
                                     static_cast<double>(at[2]) + random.uniform(-0.5, 0.5)};
  const double voxel_mm3 = canvas.spacing_mm[0] * canvas.spacing_mm[1] * canvas.spacing_mm[2];
  const double oedema_mm = oedema_reach_mm(diameter_mm, random);
  const LesionShape shape = draw_shape(diameter_mm, centre, random);
  const Box box = box_around(centre, 0.75 * diameter_mm + 3 + oedema_mm, canvas);
  const auto [surface_mm, outline_mm, rim, texture] = distances(shape, box, canvas);
  const torch::Tensor allowed = room(tissue, box, plan);
  const torch::Tensor whole = surface_mm.mul(-1).add_(0.5).clamp_(0, 1);
  mask = largest_component(whole.ge(0.5).logical_and_(allowed));
  const auto voxels = static_cast<double>(mask.sum().item<std::int64_t>());
  if (voxels * voxel_mm3 < smallest_volume_mm3) {
    diameter_mm = std::min(largest_diameter_mm, diameter_mm * 1.15);
    return std::nullopt;
  }
  if (voxels < 0.7 * static_cast<double>(whole.ge(0.5).sum().item<std::int64_t>())) return std::nullopt;
  const torch::Tensor around =
      torch::max_pool3d(mask.to(torch::kFloat32).unsqueeze(0).unsqueeze(0), 3, 1, 1)[0][0].gt(0);
  if (box.cut(numbers).gt(0).logical_and_(around).any().item<bool>()) return std::nullopt;

  Lesion lesion{.box = box};
  lesion.body = whole.mul_(allowed.logical_and(around));
  lesion.texture = texture;
  draw_make_up(lesion, diameter_mm, surface_mm, rim, random);
  lesion.oedema = oedema_mm > 0 ? torch::sigmoid((outline_mm - oedema_mm * 0.6).mul_(-6 / oedema_mm))
                                      .mul_(oedema_share(box.cut(tissue).contiguous()))
                                : torch::zeros_like(lesion.body);
  return lesion;
}

}  // namespace

std::vector<Lesion> place_lesions(const LesionPlan& plan, const torch::Tensor& tissue, const Canvas& canvas,
                                  torch::Tensor& numbers, Random& random) {
  const auto tissues = tissue.accessor<std::uint8_t, 3>();
  std::vector<Lesion> lesions;
  for (int planned = 0; planned < plan.count; ++planned) {
    double diameter_mm = 0;
    do diameter_mm = std::exp(random.normal(std::log(plan.median_diameter_mm), plan.spread));
    while (diameter_mm < smallest_diameter_mm || diameter_mm > largest_diameter_mm);
    constexpr int attempts = 60;
    for (int attempt = 0; attempt < attempts; ++attempt) {
      const auto at = find_site(tissues, plan, random);
      if (!at) continue;
      torch::Tensor mask;
      auto lesion = grow(diameter_mm, *at, plan, tissue, canvas, numbers, mask, random);
      if (!lesion) continue;
      lesions.push_back(std::move(*lesion));
      lesions.back().box.cut(numbers).masked_fill_(mask, static_cast<std::int64_t>(lesions.size()));
      break;
    }
  }
  return lesions;
}

}  // namespace metserve::models::simulator
