// A Part 10 file on its way to a volume: headers, geometry, decompression, voxels.

#include "dicom/error.h"
#include "dicom/runtime.h"
#include "dicom/study.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dicom::Runtime runtime;
  static const fuzz::Scratch scratch;
  const auto file = scratch.write("image.dcm", {data, size});
  try {
    const auto study = dicom::scan_study({file});
    for (const auto& series : study.series) {
      const auto loaded = dicom::load_series(series);
      fuzz::require(loaded.volume.voxels.size() == loaded.volume.geometry.voxel_count());
      fuzz::require(loaded.slices.size() == loaded.volume.geometry.size[2]);
    }
  } catch (const dicom::Error&) {
  }
  return 0;
}
