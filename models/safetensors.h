#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <torch/types.h>

namespace metserve::models {

/// The contents of a safetensors file (https://github.com/huggingface/safetensors): named tensors and a map
/// of strings, nothing executable.
struct Safetensors {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor of that name, checked. Throws Error(bad_input) naming it when it is absent or of another
  /// dtype or shape; a shape entry of -1 fits any size.
  const torch::Tensor& get(const std::string& name, torch::ScalarType dtype,
                           const std::vector<std::int64_t>& shape) const;
  /// Throws Error(bad_input) naming the key when it is absent.
  const std::string& meta(const std::string& key) const;
};

/// Maps the file into memory: tensors are views of it, private to this process, read from disk as they are
/// touched. Throws Error(io) when the file cannot be opened, Error(bad_input) when it is truncated, its
/// header is malformed, or tensors overlap, leave the file or have a size that is not their shape's.
Safetensors read_safetensors(const std::filesystem::path& file);

/// Writes beside the file and renames, so that a reader sees the old or the new contents, never a part.
/// Tensors are stored in little-endian, contiguous, in name order. Throws Error(io).
void write_safetensors(const Safetensors& contents, const std::filesystem::path& file);

}  // namespace metserve::models
