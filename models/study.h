#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

#include "models/preprocess.h"
#include "models/slots.h"

namespace metserve::models {

/// One study on the network grid with its truth, as training and evaluation use it.
struct Study {
  std::string name;
  torch::Tensor
      images;  ///< [4, D, 256, 256] uint8: `preprocess_sequence` times 255, rounded; absent ones zero
  torch::Tensor truth;  ///< [D, 256, 256] int16: lesion number, 0 elsewhere
  SlotSet present = SlotSet().set();
  std::array<double, 3> spacing_mm{0.9375, 0.9375, 1.0};  ///< column, row, slice
  bool simulated = false;                                 ///< known to be the simulator's
  std::string patient;  ///< whose other studies are not independent of this one; empty: nobody else's
  std::string origin;   ///< what its file was simulated with or prepared from, as JSON; empty: not said
};

/// A study and how it was preprocessed, one safetensors file each.
void write_study(const Study& study, const ClaheOptions& clahe, const std::filesystem::path& file);

/// Throws Error(bad_input) when the file is not a study or was preprocessed with other values than `clahe`.
Study read_study(const std::filesystem::path& file, const ClaheOptions& clahe);

/// All `*.safetensors` of a directory in name order. Throws Error(bad_input) when there are none.
std::vector<Study> read_studies(const std::filesystem::path& directory, const ClaheOptions& clahe);

/// For a file that is there already. Throws Error(bad_input) unless it says that it is of `origin`.
void require_origin(const std::filesystem::path& file, const ClaheOptions& clahe, const std::string& origin);

/// Makes a study from volumes on the network grid, any intensity unit. `volumes`: four [D, 256, 256] float32,
/// undefined where the sequence is absent. `truth`: [D, 256, 256] lesion numbers.
Study make_study(const std::string& name, const std::array<torch::Tensor, slot_count>& volumes,
                 const torch::Tensor& truth, const ClaheOptions& clahe);

/// Whether anything is outlined in its truth.
bool has_lesion(const Study& study);

/// For studies that something is chosen on. Throws Error(bad_input) when none has a lesion: whatever is
/// chosen on them is arbitrary.
void require_lesions(const std::vector<Study>& validation);

/// One lesion of a study, in voxels of the network grid.
struct Lesion {
  std::size_t study = 0;
  int number = 0;
  std::int64_t voxels = 0;
  std::array<std::int64_t, 3> first{};  ///< slice, row, column of the bounding box
  std::array<std::int64_t, 3> last{};   ///< inclusive
};

/// The lesions of all studies, by study and number.
std::vector<Lesion> list_lesions(const std::vector<Study>& studies);

}  // namespace metserve::models
