#include "pipeline/training_study.h"

#include <cmath>
#include <optional>

#include <torch/types.h>

#include "models/components.h"
#include "pipeline/error.h"
#include "pipeline/network_grid.h"
#include "pipeline/registration.h"
#include "pipeline/resample.h"
#include "pipeline/spatial_image.h"

namespace metserve::pipeline {
namespace {

constexpr double same_mm = 0.01;  // corners no further apart lie at one place

bool same_grid(const dicom::VolumeGeometry& a, const dicom::VolumeGeometry& b) {
  if (a.size != b.size) return false;
  const dicom::Vec3 last{static_cast<double>(a.size[0] - 1), static_cast<double>(a.size[1] - 1),
                         static_cast<double>(a.size[2] - 1)};
  for (const dicom::Vec3& corner : {dicom::Vec3{0, 0, 0}, dicom::Vec3{last[0], 0, 0},
                                    dicom::Vec3{0, last[1], 0}, dicom::Vec3{0, 0, last[2]}}) {
    const dicom::Vec3 p = a.lps_mm(corner), q = b.lps_mm(corner);
    if (std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) > same_mm) return false;
  }
  return true;
}

/// Axial, and of the network's size and spacing to 1 %.
bool fits_network(const dicom::VolumeGeometry& geometry, const std::array<double, 3>& spacing_mm) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (std::abs(geometry.spacing_mm[axis] / spacing_mm[axis] - 1) > 0.01) return false;
    if (geometry.axes_lps[axis][axis] < 0.9999) return false;
  }
  return geometry.size[0] == network_edge && geometry.size[1] == network_edge;
}

/// The whole study on one grid, and how its sequences get there.
class CommonGrid {
 public:
  explicit CommonGrid(const dicom::Volume& reference) : reference_(reference), grid_(reference.geometry) {
    const std::array<double, 3> spacing_mm = models::Study{}.spacing_mm;
    if (!fits_network(reference.geometry, spacing_mm)) grid_ = network_grid(reference, spacing_mm);
  }

  const dicom::VolumeGeometry& grid() const { return grid_; }

  Registration align(const dicom::Volume& moving) {
    if (same_grid(reference_.geometry, moving.geometry)) return {};
    if (!target_) target_.emplace(reference_, RegistrationOptions{});
    return target_->align(moving);
  }

  /// [slices, rows, columns] float32.
  torch::Tensor on_grid(const dicom::Volume& volume, const RigidTransform& grid_to_volume) const {
    return to_tensor(same_grid(volume.geometry, grid_) ? volume : resample(volume, grid_, grid_to_volume));
  }

 private:
  const dicom::Volume& reference_;
  dicom::VolumeGeometry grid_;
  std::optional<RegistrationTarget> target_;
};

/// Of a sequence that is constant, negative throughout or not a number, nothing is left.
void note_blank(const models::AnnotatedStudy& annotated,
                const std::array<torch::Tensor, models::slot_count>& volumes, TrainingStudy& result) {
  for (models::Slot slot : models::all_slots) {
    if (!volumes[models::index(slot)].defined() || result.study.present.test(models::index(slot))) continue;
    const std::string sentence = std::string(models::name(slot)) + " shows nothing: its image is blank";
    if (slot == annotated.sequences.begin()->first)
      throw Error(Error::Kind::bad_input, sentence + ", and it is the study's reference");
    result.left_out.push_back(sentence);
  }
}

/// `truth` lies on the reference's grid. Says where the network's grid is too coarse for a lesion.
torch::Tensor numbered_lesions(const models::SpatialImage& truth, const CommonGrid& common,
                               std::vector<std::string>& left_out) {
  dicom::Volume mask = to_volume(truth);
  for (float& voxel : mask.voxels) voxel = voxel > 0 ? 1.0F : 0.0F;
  const auto annotated = models::label_components(truth.voxels.gt(0)).voxels.size();
  const models::Components lesions = models::label_components(common.on_grid(mask, {}).ge(0.5));
  if (lesions.voxels.size() < annotated)
    left_out.push_back(std::to_string(annotated) + " parts are annotated, " +
                       std::to_string(lesions.voxels.size()) +
                       " are left on the network's grid: the smallest are lost or joined");
  return lesions.labels.to(torch::kInt16);
}

}  // namespace

TrainingStudy training_study(const models::AnnotatedStudy& annotated, const models::ClaheOptions& clahe) try {
  TrainingStudy result;
  const dicom::Volume reference = to_volume(annotated.sequences.begin()->second);
  CommonGrid common(reference);
  std::array<torch::Tensor, models::slot_count> volumes;
  for (const auto& [slot, image] : annotated.sequences) {
    const dicom::Volume volume = to_volume(image);
    const Registration registration = common.align(volume);
    if (registration.accepted)
      volumes[models::index(slot)] = common.on_grid(volume, registration.fixed_to_moving);
    else
      result.left_out.push_back(std::string(models::name(slot)) + " not registered: " + registration.reason);
  }
  result.study = models::make_study(annotated.name, volumes,
                                    numbered_lesions(annotated.truth, common, result.left_out), clahe);
  note_blank(annotated, volumes, result);
  result.study.simulated = annotated.simulated;
  result.study.patient = annotated.patient;
  result.study.spacing_mm = common.grid().spacing_mm;
  return result;
} catch (const Error& error) {
  throw Error(error.kind(), annotated.name + ": " + error.what());
}

}  // namespace metserve::pipeline
