#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "dicom/mr_writer.h"
#include "dicom/study.h"
#include "tests/temporary_directory.h"

class DcmDataset;

namespace metserve::dicom::test {

using metserve::TemporaryDirectory;

StudyIdentity identity();
SeriesHeader header();

/// 7 columns, 5 rows, 4 slices of uneven spacings, every voxel another value; `row` and `column` are unit
/// vectors in LPS.
Volume volume(const Vec3& row, const Vec3& column);

/// Writes an axial series of `volume` into `directory` and lets `edit` change each file's dataset; `edit`
/// gets the slice's index.
void write_edited(const std::filesystem::path& directory,
                  const std::function<void(DcmDataset&, std::size_t)>& edit);

/// The only series below `directory`.
Series only_series(const std::filesystem::path& directory);

/// The one line with which the only series below `directory` is refused; it names the series. "no error"
/// where it is loaded.
std::string load_error(const std::filesystem::path& directory);

/// METSERVE_TEST_DATA; warns that the test is skipped where it is not set.
std::optional<std::filesystem::path> test_data();

}  // namespace metserve::dicom::test
