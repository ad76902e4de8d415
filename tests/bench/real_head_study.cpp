// FG6692 of the test data, written as DICOM and brought to the network's input like any study: how far each
// series lies from the third party's transforms, along its own axes, and a picture of the input before and
// after registration.
//
// usage: real_head_study TEST_DATA OUT_DIR   (writes OUT_DIR/FG6692_moved and FG6692_still, and a PNG of
// each)

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <torch/types.h>

#include "dicom/runtime.h"
#include "models/preprocess.h"
#include "pipeline/match.h"
#include "pipeline/network_grid.h"
#include "pipeline/preview_canvas.h"
#include "pipeline/registration.h"
#include "pipeline/resample.h"
#include "tests/unit/pipeline/real_head.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using models::Slot;
using pipeline::RigidTransform;

namespace {

constexpr int tile_columns = 184, tile_rows = 216, banner = 20;
constexpr pipeline::Colour white{255, 255, 255};

struct Sequence {
  dicom::Volume volume;
  RigidTransform registered;  ///< from the reference
};

/// One axial slice of a sequence as the network sees it, 0..1, [256 rows, 256 columns].
torch::Tensor slice_of(const dicom::Volume& source, const dicom::VolumeGeometry& grid,
                       const RigidTransform& transform, std::int64_t slice) {
  const dicom::Volume on_grid = pipeline::resample(source, grid, transform);
  const auto size = [&](std::size_t axis) { return static_cast<std::int64_t>(grid.size[axis]); };
  const torch::Tensor voxels = at::empty({size(2), size(1), size(0)}, at::kFloat);
  std::copy(on_grid.voxels.begin(), on_grid.voxels.end(), voxels.data_ptr<float>());
  return models::preprocess_sequence(voxels, {})[slice].contiguous();
}

/// Squares of `a` and `b` in turn.
torch::Tensor checkerboard(const torch::Tensor& a, const torch::Tensor& b) {
  constexpr std::int64_t square = 24;
  torch::Tensor mixed = a.clone();
  for (std::int64_t row = 0; row < a.size(0); row += square)
    for (std::int64_t column = row / square % 2 * square; column < a.size(1); column += 2 * square) {
      const auto part = [&](const torch::Tensor& image) {
        return image.narrow(0, row, std::min(square, image.size(0) - row))
            .narrow(1, column, std::min(square, image.size(1) - column));
      };
      part(mixed).copy_(part(b));
    }
  return mixed;
}

/// The middle of a slice.
void draw(pipeline::Canvas& canvas, const torch::Tensor& slice, int left, int top) {
  const auto values = slice.accessor<float, 2>();
  for (int y = 0; y < tile_rows; ++y)
    for (int x = 0; x < tile_columns; ++x) {
      const auto grey = static_cast<std::uint8_t>(
          255 * values[(slice.size(0) - tile_rows) / 2 + y][(slice.size(1) - tile_columns) / 2 + x]);
      canvas.at(left + x, top + y) = {grey, grey, grey};
    }
}

void draw_row(pipeline::Canvas& canvas, int top, const std::string& name,
              const std::vector<torch::Tensor>& slices) {
  const std::vector<torch::Tensor> tiles{slices[0], slices[1], slices[2], checkerboard(slices[0], slices[1]),
                                         checkerboard(slices[0], slices[2])};
  constexpr std::array titles{"CUBE post", "CUBE pre", "FLAIR", "post, pre in turn", "post, FLAIR in turn"};
  for (std::size_t n = 0; n < tiles.size(); ++n) {
    const int left = static_cast<int>(n) * tile_columns;
    draw(canvas, tiles[n], left, top + banner);
    pipeline::draw_text(canvas, titles.at(n), left + 4, top + 6, 1, white);
  }
  pipeline::draw_text(canvas, name, 4, top + banner + 4, 1, white);
}

void write_picture(const std::map<Slot, Sequence>& sequences, const std::filesystem::path& file) {
  const dicom::Volume& reference = sequences.at(Slot::t1_se_post).volume;
  const dicom::VolumeGeometry grid = pipeline::network_grid(reference, {0.9375, 0.9375, 1.0});
  const auto middle = static_cast<std::int64_t>(grid.size[2] * 6 / 10);
  pipeline::Canvas canvas(5 * tile_columns, 2 * (tile_rows + banner));
  for (const bool registered : {false, true}) {
    std::vector<torch::Tensor> slices;
    for (const Slot slot : {Slot::t1_se_post, Slot::t1_se_pre, Slot::flair}) {
      const Sequence& sequence = sequences.at(slot);
      slices.push_back(
          slice_of(sequence.volume, grid, registered ? sequence.registered : RigidTransform{}, middle));
    }
    draw_row(canvas, registered ? tile_rows + banner : 0, registered ? "registered" : "as sent", slices);
  }
  pipeline::write_png(canvas, file);
}

void run(const pipeline::test::RealHead& head, bool moved, const std::filesystem::path& out) {
  const models::SimulatedStudy written = head.study(moved);
  const dicom::Study study = pipeline::test::scanned(written, out);
  const pipeline::StudyMatch match = pipeline::match_study(study, {});
  std::map<Slot, Sequence> sequences;
  for (const Slot slot : {Slot::t1_se_post, Slot::t1_se_pre, Slot::flair})
    sequences[slot].volume = dicom::load_series(study.series.at(match.filling(slot).value())).volume;
  const pipeline::RegistrationTarget target(sequences[Slot::t1_se_post].volume, {});
  const auto points = head.brain_points();
  for (auto& [slot, sequence] : sequences) {
    if (slot == Slot::t1_se_post) continue;
    const pipeline::Registration found = target.align(sequence.volume);
    sequence.registered = found.fixed_to_moving;
    const RigidTransform truth =
        moved ? head.motion(slot == Slot::flair ? "flair" : "t1_pre") : RigidTransform{};
    const auto errors =
        pipeline::test::target_errors(points, sequence.volume.geometry, found.fixed_to_moving, truth);
    std::printf("%-14s %-10s %8.1f %9.1f   %7.2f %7.2f %7.2f %8.2f %8.2f  %s\n", written.name.c_str(),
                std::string(models::id(slot)).c_str(), truth.rotation_deg(), found.displacement_mm,
                errors.along_mm[0], errors.along_mm[1], errors.along_mm[2], errors.mean_mm, errors.largest_mm,
                found.accepted ? "accepted" : found.reason.c_str());
  }
  write_picture(sequences, out / (written.name + ".png"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: real_head_study TEST_DATA OUT_DIR\n");
    return 2;
  }
  const dicom::Runtime runtime;
  const pipeline::test::RealHead head(std::filesystem::path(argv[1]) / "tcga_fg6692_native");
  std::printf("%-14s %-10s %8s %9s   %7s %7s %7s %8s %8s\n", "study", "series", "turned", "moved mm",
              "column", "row", "slice", "mean mm", "max mm");
  for (const bool moved : {true, false}) run(head, moved, argv[2]);
}
