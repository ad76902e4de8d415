#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

class DcmDataset;

namespace metserve::dicom::test {

inline constexpr const char* magnitude = "ORIGINAL\\PRIMARY\\T1\\NONE";
inline constexpr const char* phase = "ORIGINAL\\PRIMARY\\T1\\PHASE";

struct EnhancedFrame {
  double z_mm;
  const char* frame_type;
  const char* slope;
  std::uint16_t stored;           ///< every pixel
  const char* stack = "";         ///< StackID
  const char* time_point = "";    ///< TemporalPositionIndex
  const char* administered = "";  ///< ContrastBolusAgentAdministered
};

/// A 2 x 2 axial Enhanced MR image with these frames in this order; series 2.25.7, instance 2.25.7.1 unless
/// `edit`, which is done last, says otherwise.
void write_enhanced(const std::filesystem::path& path, const std::vector<EnhancedFrame>& frames,
                    const std::function<void(DcmDataset&)>& edit = {});

}  // namespace metserve::dicom::test
