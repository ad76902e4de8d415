#include <array>
#include <string>
#include <vector>

#include <torch/types.h>

#include "models/simulator.h"
#include "models/simulator/fields.h"
#include "models/simulator/random.h"

namespace metserve::models {
namespace {

using simulator::Random;
using simulator::Shape;

using Triple = std::array<double, 3>;  ///< slice (superior), row (posterior), column (left), mm

/// Draws ellipsoids into a label volume whose surface a smooth field moves.
class Sculptor {
 public:
  Sculptor(const Shape& shape, Random& random)
      : labels_(torch::zeros({shape[0], shape[1], shape[2]}, torch::kInt16)),
        folds_(simulator::smooth_field(shape, 7, random, torch::kCPU)),
        middle_{0.55 * static_cast<double>(shape[0]), 0.5 * static_cast<double>(shape[1]),
                0.5 * static_cast<double>(shape[2])} {}

  /// `centre` from the middle of the head; `fold` is how far the folds move the surface, share of the radius.
  torch::Tensor ellipsoid(const Triple& centre, const Triple& half_axes, double fold = 0) const {
    torch::Tensor squared = torch::zeros({1, 1, 1});
    for (std::size_t axis = 0; axis < 3; ++axis) {
      std::vector<std::int64_t> view{1, 1, 1};
      view[axis] = -1;
      const torch::Tensor along =
          torch::arange(labels_.size(static_cast<std::int64_t>(axis)), torch::kFloat32);
      squared = squared + along.sub_(middle_[axis] + centre[axis]).div_(half_axes[axis]).square_().view(view);
    }
    return fold == 0 ? squared.lt(1) : squared.sqrt().add_(folds_, fold).lt(1);
  }

  void set(const torch::Tensor& where, int label) { labels_.masked_fill_(where, label); }

  /// `left` on the patient's left side and `right` on the other.
  void set_sides(const torch::Tensor& where, int left, int right) {
    const torch::Tensor on_left =
        torch::arange(labels_.size(2), torch::kFloat32).gt(middle_[2]).view({1, 1, -1});
    set(where.logical_and(on_left), left);
    set(where.logical_and(on_left.logical_not()), right);
  }

  void set_within(const torch::Tensor& where, const std::vector<int>& replaced, int label) {
    torch::Tensor allowed = torch::zeros_like(where);
    for (int one : replaced) allowed.logical_or_(labels_.eq(one));
    set(where.logical_and(allowed), label);
  }

  torch::Tensor labels() const { return labels_; }

 private:
  torch::Tensor labels_, folds_;
  Triple middle_;
};

constexpr double head_slope = 0.9;  ///< lower parts of the head are drawn as wide as this share of the skull

void add_outer_layers(Sculptor& head, const Triple& skull) {
  const auto grown = [&](double mm) { return Triple{skull[0] + mm, skull[1] + mm, skull[2] + mm}; };
  head.set(head.ellipsoid({-70, -15, 0}, {60, 75, head_slope * skull[2]}), 511);
  head.set(head.ellipsoid({-70, -15, 0}, {56, 71, head_slope * skull[2] - 4}), 507);
  head.set(head.ellipsoid({0, 0, 0}, grown(12)), 511);
  head.set(head.ellipsoid({0, 0, 0}, grown(9)), 507);
  head.set(head.ellipsoid({-75, -55, 0}, {20, 25, 12}), 509);
  head.set(head.ellipsoid({-75, -60, 0}, {14, 18, 8}), 0);
  head.set(head.ellipsoid({0, 0, 0}, grown(6)), 515);
  head.set(head.ellipsoid({0, 0, 0}, grown(4)), 516);
  head.set(head.ellipsoid({0, 0, 0}, grown(2)), 515);
  head.set(head.ellipsoid({0, 0, 0}, skull), 24);
  for (int side : {-1, 1}) head.set(head.ellipsoid({-42, -78, side * 30.0}, {12, 12, 12}), 506);
}

void add_brain(Sculptor& head, const Triple& skull) {
  const auto shrunk = [&](double share) {
    return Triple{share * skull[0], share * skull[1], share * skull[2]};
  };
  const auto in_fluid = [&](const torch::Tensor& where, int left, int right) {
    head.set_sides(where.logical_and(head.labels().ne(515)), left, right);
  };
  head.set(head.ellipsoid({-40, 18, 0}, {45, 11, 13}), 16);
  head.set(head.ellipsoid({-95, 22, 0}, {45, 7, 7}), 512);
  in_fluid(
      head.ellipsoid({8, 0, 0}, shrunk(0.93), 0.02).logical_and(head.ellipsoid({28, 0, 0}, {72, 90, 76})), 3,
      42);
  in_fluid(
      head.ellipsoid({8, 0, 0}, shrunk(0.84), 0.06).logical_and(head.ellipsoid({28, 0, 0}, {66, 84, 70})), 2,
      41);
  in_fluid(head.ellipsoid({-42, 42, 0}, {22, 30, 46}, 0.02), 8, 47);
  in_fluid(head.ellipsoid({-42, 42, 0}, {12, 18, 30}, 0.10), 7, 46);
  head.set_within(head.ellipsoid({30, 0, 0}, {52, 88, 1.5}), {2, 3, 41, 42}, 24);
  for (int side : {-1, 1}) {
    head.set_sides(head.ellipsoid({6, 8, side * 11.0}, {9, 15, 9}), 10, 49);
    head.set_sides(head.ellipsoid({10, -14, side * 24.0}, {12, 18, 6}), 12, 51);
    head.set_sides(head.ellipsoid({20, -20, side * 13.0}, {10, 16, 4}), 11, 50);
    head.set_sides(head.ellipsoid({22, 2, side * 7.0}, {7, 32, 5}), 4, 43);
    head.set_sides(head.ellipsoid({16, 22, side * 12.0}, {3, 6, 3}), 136, 137);
  }
}

void add_vessels(Sculptor& head, const Triple& skull) {
  const auto rim =
      head.ellipsoid({0, 0, 0}, skull)
          .logical_and(head.ellipsoid({0, 0, 0}, {skull[0] - 5, skull[1] - 5, skull[2] - 5}).logical_not());
  head.set(rim.logical_and(head.ellipsoid({30, 0, 0}, {80, 110, 4})), 514);
  head.set(rim.logical_and(head.ellipsoid({-20, 70, 0}, {4, 40, 70})), 514);
  head.set_within(head.ellipsoid({-22, -8, 0}, {2, 2, 40}), {24}, 502);
  head.set_within(head.ellipsoid({-40, 4, 0}, {30, 2, 2}), {24}, 502);
  head.set(head.ellipsoid({-20, -14, 0}, {2, 2, 6}), 85);
}

}  // namespace

Anatomy procedural_anatomy(std::uint64_t seed) {
  Random random(seed, simulator::Stream::head, 1);
  Sculptor head({240, 240, 200}, random);
  const Triple skull{random.uniform(68, 74), random.uniform(84, 92), random.uniform(68, 74)};
  add_outer_layers(head, skull);
  add_brain(head, skull);
  add_vessels(head, skull);
  return {.name = "procedural_" + std::to_string(seed), .labels = head.labels(), .spacing_mm = 1.0};
}

}  // namespace metserve::models
