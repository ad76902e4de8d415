// What it costs to find and load one classic series, beside reading the same bytes from the same files.
//
// usage: loading_bench [SLICES [EDGE [ROUNDS]]]   (1000 slices of 256 x 256, 7 rounds by default)
// The files are in the page cache in every round, so that the disk hides nothing. Medians over the rounds, in
// which the rows take turns. The bytes are read twice: into one small buffer, and into memory that holds them
// all, as a volume has to; CPU time is what to compare where the machine has other work.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "dicom/mr_writer.h"
#include "dicom/runtime.h"
#include "dicom/study.h"

using namespace metserve;

namespace {

struct Cost {
  double wall_ms = 0, cpu_ms = 0;
};

Cost measure(const std::function<void()>& work) {
  const auto started = std::chrono::steady_clock::now();
  const std::clock_t cpu = std::clock();
  work();
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - started;
  return {wall.count(), 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void write_series(std::size_t slices, std::size_t edge, const std::filesystem::path& folder) {
  dicom::StudyIdentity identity;
  identity.patient_name = "BENCHMARK";
  identity.patient_id = "1";
  identity.study_instance_uid = "2.25.1";
  identity.frame_of_reference_uid = "2.25.2";
  dicom::SeriesHeader header;
  header.modality = "MR";
  header.series_instance_uid = "2.25.3";
  header.series_description = "Sag T1 CUBE";
  header.image_type = {"ORIGINAL", "PRIMARY", "OTHER"};
  header.tr_ms = 600;
  dicom::Volume volume;
  volume.geometry.size = {edge, edge, slices};
  volume.geometry.spacing_mm = {1, 1, 0.5};
  volume.geometry.axes_lps = {dicom::Vec3{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  volume.voxels.resize(volume.geometry.voxel_count());
  for (std::size_t v = 0; v < volume.voxels.size(); ++v)
    volume.voxels[v] = static_cast<float>(v * 461 % 4096);
  dicom::write_mr_series(identity, header, volume, folder);
}

/// Every byte of every file, as a program that does nothing with them would.
std::uintmax_t read_bytes(const std::vector<std::filesystem::path>& files, std::vector<char>& buffer) {
  std::uintmax_t bytes = 0;
  for (const std::filesystem::path& path : files) {
    buffer.resize(std::filesystem::file_size(path));
    std::ifstream file(path, std::ios::binary);
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    bytes += static_cast<std::uintmax_t>(file.gcount());
  }
  return bytes;
}

/// The same, but what was read stays in memory that nobody used before.
void keep_bytes(const std::vector<std::filesystem::path>& files, std::uintmax_t bytes) {
  const auto kept = std::make_unique_for_overwrite<char[]>(bytes);
  char* to = kept.get();
  for (const std::filesystem::path& path : files) {
    const auto size = static_cast<std::streamsize>(std::filesystem::file_size(path));
    std::ifstream(path, std::ios::binary).read(to, size);
    to += size;
  }
}

void run(std::size_t slices, std::size_t edge, std::size_t rounds, const std::filesystem::path& folder) {
  write_series(slices, edge, folder);
  const auto files = dicom::list_files(folder);
  const dicom::Study study = dicom::scan_study(files);
  struct Row {
    const char* name;
    std::function<void()> work;
    std::vector<double> wall_ms, cpu_ms;
  };
  std::vector<char> buffer;
  const std::uintmax_t bytes = read_bytes(files, buffer);
  std::array<Row, 5> rows{
      Row{"read the bytes", [&] { read_bytes(files, buffer); }, {}, {}},
      Row{"read, kept", [&] { keep_bytes(files, bytes); }, {}, {}},
      Row{"scan_study", [&] { dicom::scan_study(files); }, {}, {}},
      Row{"load_series", [&] { dicom::load_series(study.series.at(0)); }, {}, {}},
      Row{"both", [&] { dicom::load_series(dicom::scan_study(files).series.at(0)); }, {}, {}}};
  for (std::size_t round = 0; round < rounds; ++round)
    for (Row& row : rows) {
      const Cost cost = measure(row.work);
      row.wall_ms.push_back(cost.wall_ms);
      row.cpu_ms.push_back(cost.cpu_ms);
    }
  std::printf("%zu slices of %zu x %zu, %.1f MB\n%-16s %9s %9s %12s %12s\n", slices, edge, edge,
              1e-6 * static_cast<double>(bytes), "", "wall ms", "CPU ms", "CPU / read", "CPU / kept");
  const double reading = median(rows[0].cpu_ms), keeping = median(rows[1].cpu_ms);
  for (const Row& row : rows)
    std::printf("%-16s %9.1f %9.1f %12.2f %12.2f\n", row.name, median(row.wall_ms), median(row.cpu_ms),
                median(row.cpu_ms) / reading, median(row.cpu_ms) / keeping);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int n, std::size_t otherwise) {
    return argc > n ? static_cast<std::size_t>(std::stoul(argv[n])) : otherwise;
  };
  const dicom::Runtime runtime;
  const auto folder = std::filesystem::temp_directory_path() / ("loading_bench." + std::to_string(getpid()));
  run(argument(1, 1000), argument(2, 256), std::max<std::size_t>(argument(3, 7), 1), folder);
  std::filesystem::remove_all(folder);
}
