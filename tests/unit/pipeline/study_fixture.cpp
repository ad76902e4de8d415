#include "tests/unit/pipeline/study_fixture.h"

#include <torch/types.h>

#include "models/networks/network_file.h"
#include "pipeline/simulated_study.h"
#include "tests/unit/pipeline/phantom.h"

namespace metserve::pipeline::test {

namespace {

models::SpatialImage to_image(const dicom::Volume& volume) {
  const dicom::VolumeGeometry& geometry = volume.geometry;
  models::SpatialImage image;
  image.voxels =
      torch::tensor(volume.voxels)
          .reshape({static_cast<std::int64_t>(geometry.size[2]), static_cast<std::int64_t>(geometry.size[1]),
                    static_cast<std::int64_t>(geometry.size[0])});
  image.index_to_lps_mm = torch::eye(4, torch::kFloat64);
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (std::size_t c = 0; c < 3; ++c) {
      const auto row = static_cast<std::int64_t>(c);
      image.index_to_lps_mm[row][static_cast<std::int64_t>(axis)] =
          geometry.axes_lps[axis][c] * geometry.spacing_mm[axis];
      image.index_to_lps_mm[row][3] = geometry.origin_lps_mm[c];
    }
  return image;
}

torch::Tensor to_matrix(const RigidTransform& transform) {
  torch::Tensor matrix = torch::eye(4, torch::kFloat64);
  for (std::int64_t row = 0; row < 3; ++row) {
    for (std::int64_t column = 0; column < 3; ++column)
      matrix[row][column] = transform.rotation[static_cast<std::size_t>(3 * row + column)];
    matrix[row][3] = transform.translation_mm[static_cast<std::size_t>(row)];
  }
  return matrix;
}

models::SimulatedSequence phantom_sequence(models::Slot slot, const RigidTransform& motion) {
  const bool axial = slot == models::Slot::t1_gre_post;
  const auto contrast = slot == models::Slot::flair ? PhantomContrast::flair : PhantomContrast::t1;
  const auto geometry = axial ? axial_geometry(2, 2) : sagittal_geometry(2, 2);
  return sequence_of(slot, to_image(phantom_head(geometry, contrast, motion)), motion);
}

}  // namespace

models::SimulatedSequence sequence_of(models::Slot slot, models::SpatialImage image,
                                      const RigidTransform& motion) {
  const bool gradient_echo = slot == models::Slot::t1_gre_post;
  const bool flair = slot == models::Slot::flair;
  models::SimulatedSequence sequence;
  sequence.slot = slot;
  sequence.image = std::move(image);
  sequence.patient_motion = to_matrix(motion);
  sequence.tr_ms = flair ? 6000 : gradient_echo ? 9 : 600;
  sequence.te_ms = flair ? 120 : gradient_echo ? 3.5 : 11;
  sequence.ti_ms = flair ? 1750 : gradient_echo ? 350 : 0;
  sequence.flip_deg = gradient_echo ? 15 : 90;
  sequence.echo_train_length = gradient_echo ? 1 : 24;
  return sequence;
}

models::Segmenter random_segmenter(const std::filesystem::path& directory) {
  torch::manual_seed(2);
  models::ModelPackage package;
  package.directory = directory;
  package.manifest.name = "random";
  package.manifest.version = "0";
  package.manifest.spacing_mm = {0.9375, 0.9375, 1.0};
  package.manifest.network.width = 4;
  package.manifest.network.aspp_channels = 4;
  package.manifest.network.output_stride = 16;
  package.manifest.weights_sha256 = std::string(64, 'a');
  models::save_network(models::make_network(package.manifest.network), {}, true,
                       directory / "weights.safetensors");
  return models::Segmenter(package, "cpu");
}

models::SimulatedStudy phantom_study(const std::map<models::Slot, RigidTransform>& motions) {
  models::SimulatedStudy study;
  study.name = "phantom";
  for (const auto& [slot, motion] : motions) study.sequences.push_back(phantom_sequence(slot, motion));
  study.lesions.push_back({1, {10, -20, 30}, 12.5, 900});
  return study;
}

dicom::Study scanned(const models::SimulatedStudy& study, const std::filesystem::path& directory) {
  return dicom::scan_study(dicom::list_files(write_dicom_study(study, Vendor::ge, directory)));
}

}  // namespace metserve::pipeline::test
