#include "tests/unit/dicom/image_fixtures.h"

#include <cstdlib>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/error.h"
#include "tests/catch.h"

namespace metserve::dicom::test {

namespace fs = std::filesystem;

StudyIdentity identity() {
  StudyIdentity identity;
  identity.patient_name = "Müller^Jörg";
  identity.patient_id = "4711";
  identity.patient_birth_date = "19600102";
  identity.patient_sex = "M";
  identity.study_instance_uid = "2.25.1001";
  identity.study_date = "20240305";
  identity.study_time = "101500";
  identity.study_description = "Schädel";
  identity.frame_of_reference_uid = "2.25.1002";
  return identity;
}

SeriesHeader header() {
  SeriesHeader header;
  header.series_instance_uid = "2.25.1003";
  header.series_number = 7;
  header.series_description = "T1 wässrig";
  header.manufacturer = "Acme";
  header.image_type = {"ORIGINAL", "PRIMARY", "M", "NORM"};
  header.scanning_sequence = {"GR", "IR"};
  header.sequence_variant = {"SP", "MP"};
  header.acquisition_type = "3D";
  header.tr_ms = 8.2;
  header.te_ms = 3.1;
  header.ti_ms = 450;
  header.contrast_agent = "Gadovist";
  header.acquisition_time_s = 37000.25;
  return header;
}

Volume volume(const Vec3& row, const Vec3& column) {
  Volume volume;
  VolumeGeometry& geometry = volume.geometry;
  geometry.size = {7, 5, 4};
  geometry.spacing_mm = {0.9375, 1.1, 1.7};
  geometry.origin_lps_mm = {-101.123456, 57.25, -33.5};
  const Vec3 normal{row[1] * column[2] - row[2] * column[1], row[2] * column[0] - row[0] * column[2],
                    row[0] * column[1] - row[1] * column[0]};
  geometry.axes_lps = {row, column, normal};
  for (std::size_t i = 0; i < geometry.voxel_count(); ++i)
    volume.voxels.push_back(static_cast<float>(i * 461 % 65536));
  return volume;
}

void write_edited(const fs::path& directory, const std::function<void(DcmDataset&, std::size_t)>& edit) {
  write_mr_series(identity(), header(), volume({1, 0, 0}, {0, 1, 0}), directory);
  std::size_t slice = 0;
  for (const fs::path& path : list_files(directory)) {
    DcmFileFormat file;
    REQUIRE(file.loadFile(path.c_str()).good());
    file.loadAllDataIntoMemory();
    edit(*file.getDataset(), slice++);
    REQUIRE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
  }
}

Series only_series(const fs::path& directory) {
  const Study study = scan_study(list_files(directory));
  REQUIRE(study.series.size() == 1);
  return study.series[0];
}

std::string load_error(const fs::path& directory) {
  const Series series = only_series(directory);
  try {
    load_series(series);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    CHECK_THAT(error.what(), ContainsSubstring(series.header.series_instance_uid));
    return error.what();
  }
  return "no error";
}

std::optional<fs::path> test_data() {
  const char* path = std::getenv("METSERVE_TEST_DATA");
  if (path == nullptr || !fs::exists(path)) {
    WARN("METSERVE_TEST_DATA names no folder: skipped");
    return std::nullopt;
  }
  return fs::path(path);
}

}  // namespace metserve::dicom::test
