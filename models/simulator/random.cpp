#include "models/simulator/random.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numbers>

#include <torch/types.h>

namespace metserve::models::simulator {
namespace {

/// SplitMix64 (Steele 2014): one step of the counter, scrambled.
std::uint64_t scramble(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

constexpr std::uint64_t golden_step = 0x9e3779b97f4a7c15ULL;

at::Generator seeded_generator(torch::Device device, std::uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator generator = [&] {
    at::Generator shared = at::globalContext().defaultGenerator(device);
    const std::lock_guard<std::mutex> lock(shared.mutex());
    return shared.clone();
  }();
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

Random::Random(std::uint64_t seed, Stream stream, std::uint64_t part)
    : state_(scramble(scramble(seed + golden_step) + golden_step * (1 + static_cast<std::uint64_t>(stream)) +
                      (part << 32))) {}

std::uint64_t Random::next() {
  state_ += golden_step;
  return scramble(state_);
}

double Random::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Random::log_uniform(double low, double high) {
  return std::exp(uniform(std::log(low), std::log(high)));
}

double Random::normal(double mean, double standard_deviation) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(0, 1)));
  return mean + standard_deviation * radius * std::cos(2 * std::numbers::pi * uniform(0, 1));
}

std::int64_t Random::integer(std::int64_t low, std::int64_t high) {
  return std::min(high, low + static_cast<std::int64_t>(uniform(0, static_cast<double>(high - low + 1))));
}

std::array<double, 3> Random::direction() {
  std::array<double, 3> unit{normal(), normal(), normal()};
  const double length = std::hypot(unit[0], unit[1], unit[2]) + 1e-9;
  for (double& part : unit) part /= length;
  return unit;
}

torch::Tensor Random::normal_tensor(torch::IntArrayRef shape) {
  return normal_volume(shape, torch::kCPU);
}

torch::Tensor Random::normal_volume(torch::IntArrayRef shape, torch::Device device) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  return torch::randn(shape, seeded_generator(device, next()), options);
}

}  // namespace metserve::models::simulator
