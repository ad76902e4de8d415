#pragma once

#include <string>

#include <torch/types.h>

#include "models/study.h"

/// A small study: a bright square head with `lesions` brighter cubes, [4, 8, size, size].
inline metserve::models::Study toy_study(int number, int lesions = 2, std::int64_t size = 64) {
  torch::manual_seed(100 + number);
  metserve::models::Study study;
  study.name = "toy " + std::to_string(number);
  study.truth = torch::zeros({8, size, size}, torch::kInt16);
  torch::Tensor images = torch::zeros({4, 8, size, size});
  images.narrow(2, 8, size - 16).narrow(3, 8, size - 16).fill_(100);
  images += 5 * torch::rand_like(images) * images.gt(0);
  for (int i = 0; i < lesions; ++i) {
    const std::int64_t z = 2 + i % 3, y = 12 + 16 * i, x = 12 + (number * 7 + 11 * i) % (size - 32);
    study.truth.narrow(0, z, 3).narrow(1, y, 5).narrow(2, x, 5).fill_(i + 1);
    images.narrow(1, z, 3).narrow(2, y, 5).narrow(3, x, 5).fill_(220);
  }
  study.images = images.to(torch::kUInt8);
  return study;
}
