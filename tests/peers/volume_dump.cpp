// Writes what dicom::load_series makes of a study, for comparison with other readers.
//
// usage: volume_dump STUDY_DIR OUT_DIR
// For series number n (0-based, as scanned) that can be loaded: OUT_DIR/n.raw, float32 [slices, rows,
// columns], and a line "n SERIES_UID COLUMNS ROWS SLICES THICKNESS" on standard output, followed by the 12
// numbers of the upper rows of the matrix from voxel index (column, row, slice) to LPS mm. One line "n
// refused: REASON" for the others.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include "dicom/error.h"
#include "dicom/runtime.h"
#include "dicom/study.h"

using namespace metserve;

namespace {

void dump(const dicom::LoadedSeries& loaded, std::size_t number, const std::filesystem::path& folder) {
  const dicom::VolumeGeometry& g = loaded.volume.geometry;
  std::printf("%zu %s %zu %zu %zu %s", number, loaded.header.series_instance_uid.c_str(), g.size[0],
              g.size[1], g.size[2], loaded.slice_thickness.empty() ? "0" : loaded.slice_thickness.c_str());
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      std::printf(" %.9g", g.axes_lps[axis][row] * g.spacing_mm[axis]);
    std::printf(" %.9g", g.origin_lps_mm[row]);
  }
  std::printf("\n");
  std::ofstream out(folder / (std::to_string(number) + ".raw"), std::ios::binary);
  out.write(reinterpret_cast<const char*>(loaded.volume.voxels.data()),
            static_cast<std::streamsize>(loaded.volume.voxels.size() * sizeof(float)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const dicom::Runtime runtime;
    const dicom::Study study = dicom::scan_study(dicom::list_files(argv[1]));
    for (std::size_t n = 0; n < study.series.size(); ++n) try {
        dump(dicom::load_series(study.series[n]), n, argv[2]);
      } catch (const dicom::Error& error) {
        std::printf("%zu refused: %s\n", n, error.what());
      }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "volume_dump: %s\n", error.what());
    return 1;
  }
}
