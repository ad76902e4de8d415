#pragma once

#include <filesystem>

#include "models/data/dataset.h"

namespace metserve::pipeline::test {

/// One grey 8-bit PNG a slice, `000.png` on. `voxels`: [slices, rows, columns], 0..255.
void write_png_slices(const torch::Tensor& voxels, const std::filesystem::path& folder);

/// The study as BrainMetShare has it, below `directory`; returns its folder.
std::filesystem::path write_brainmetshare(const models::AnnotatedStudy& study,
                                          const std::filesystem::path& directory);

/// The same as BraTS-METS has it: the truth is written as it is, with its labels.
std::filesystem::path write_brats(const models::AnnotatedStudy& study,
                                  const std::filesystem::path& directory);

}  // namespace metserve::pipeline::test
