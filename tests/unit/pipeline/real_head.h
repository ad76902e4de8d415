#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dicom/volume.h"
#include "models/simulator.h"
#include "pipeline/registration.h"

namespace metserve::pipeline::test {

/// How far a registration sends points from where they should go.
struct TargetErrors {
  double mean_mm = 0, largest_mm = 0;
  std::array<double, 3> along_mm{};  ///< mean along the moving image's columns, rows and slices
};

/// `points`: of the fixed image, LPS mm.
TargetErrors target_errors(const std::vector<dicom::Vec3>& points, const dicom::VolumeGeometry& moving,
                           const RigidTransform& found, const RigidTransform& truth);

/// One head of a public collection (tcga_fg6692_native of the test data), of 5.5 mm slices, that moved far
/// between its series: `t1_gd`, `t1_pre`, `t2` and `flair`, and rigid transforms fitted to what a third party
/// made of them on T1 after the agent.
class RealHead {
 public:
  explicit RealHead(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Below METSERVE_TEST_DATA; nothing where that names no such folder.
  static std::optional<RealHead> of_test_data();

  /// As acquired.
  dicom::Volume volume(const std::string& name) const;

  /// From `t1_gd` to the named series.
  RigidTransform motion(const std::string& name) const;

  /// About 3,700 voxel centres of the brain in `t1_gd`, LPS mm.
  std::vector<dicom::Vec3> brain_points() const;

  /// T1 before and after the agent and FLAIR, which are three of our sequences, ready to be written as DICOM:
  /// as acquired (`as_acquired`), or as the third party brought them to `t1_gd`.
  models::SimulatedStudy study(bool as_acquired) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace metserve::pipeline::test
