#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Generator.h>
#include <torch/types.h>

namespace metserve::models::simulator {

/// What a random stream is for. Each purpose has its own stream, so that leaving a sequence out or adding a
/// random number to one step changes no other step.
enum class Stream : std::uint64_t { pose, tissue, head, vessels, lesions, protocol, acquisition, foci };

/// Pseudo-random numbers that depend on the seed, the stream and the order of the calls alone; the global
/// generator of LibTorch is never touched. Not thread-safe.
class Random {
 public:
  /// `part` separates streams of one purpose, e.g. the sequences of a study.
  Random(std::uint64_t seed, Stream stream, std::uint64_t part = 0);

  double uniform(double low, double high);
  double log_uniform(double low, double high);
  double normal(double mean = 0.0, double standard_deviation = 1.0);
  bool chance(double probability) { return uniform(0, 1) < probability; }
  std::int64_t integer(std::int64_t low, std::int64_t high);  ///< both ends included
  std::array<double, 3> direction();                          ///< a unit vector, all alike

  /// Standard normal numbers, float32, drawn on the CPU and therefore alike on every device.
  torch::Tensor normal_tensor(torch::IntArrayRef shape);

  /// Standard normal numbers, float32, drawn on the device: for volumes, which are too large to send.
  torch::Tensor normal_volume(torch::IntArrayRef shape, torch::Device device);

 private:
  std::uint64_t next();

  std::uint64_t state_;
};

}  // namespace metserve::models::simulator
