#include "models/data/nifti.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include <torch/types.h>

#include "models/anatomy_file.h"
#include "models/data/label_map.h"
#include "models/data/simulated_study_files.h"
#include "models/error.h"
#include "models/simulator.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve::models;
using metserve::TemporaryDirectory;

namespace {

torch::Tensor sagittal_matrix() {
  return torch::tensor(
      {{0.0, 0.0, -1.0, 70.5}, {0.5, 0.0, 0.0, -3.25}, {0.0, -0.5, 0.0, 41.0}, {0.0, 0.0, 0.0, 1.0}},
      torch::kFloat64);
}

SimulatedStudy small_study() {
  SimulatedStudy study;
  study.name = "small_1";
  for (Slot slot : {Slot::t1_se_pre, Slot::flair}) {
    SimulatedSequence sequence;
    sequence.slot = slot;
    sequence.image = {torch::rand({5, 6, 7}) * 4000, sagittal_matrix()};
    sequence.patient_motion = torch::eye(4, torch::kFloat64);
    sequence.patient_motion[0][3] = 1.0 / 3;
    sequence.tr_ms = 601.5;
    sequence.te_ms = 11.25;
    sequence.ti_ms = 1700;
    sequence.flip_deg = 90;
    sequence.echo_train_length = 24;
    study.sequences.push_back(sequence);
  }
  study.truth = {torch::zeros({5, 6, 7}, torch::kInt16), sagittal_matrix()};
  study.truth.voxels[2][3][4] = 1;
  study.lesions.push_back({1, {1.5, -2.5, 3.25}, 4.5, 12.75});
  return study;
}

/// A float32 volume of 2 x 2 x 2 voxels of 1 mm (nifti1.h: offsets of the header's fields).
void write_float_nifti(const std::filesystem::path& file, const std::array<float, 8>& voxels) {
  std::array<char, 352 + sizeof voxels> bytes{};
  const auto put = [&](std::size_t at, auto value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
  put(0, std::int32_t{348});
  put(40, std::array<std::int16_t, 8>{3, 2, 2, 2, 1, 1, 1, 1});
  put(70, std::int16_t{16});
  put(72, std::int16_t{32});
  put(76, std::array<float, 4>{1, 1, 1, 1});
  put(108, 352.0F);
  put(254, std::int16_t{1});
  put(280, std::array<float, 12>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0});
  put(344, std::array<char, 4>{'n', '+', '1', 0});
  put(352, voxels);
  std::ofstream(file, std::ios::binary).write(bytes.data(), bytes.size());
}

}  // namespace

TEST_CASE("voxels that are not numbers count as 0", "[nifti]") {
  const TemporaryDirectory directory;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_float_nifti(directory / "spm.nii", {nan, 1, 2, 3, 4, 5, 6, nan});
  CHECK(torch::equal(read_nifti(directory / "spm.nii").voxels.flatten(),
                     torch::tensor({0, 1, 2, 3, 4, 5, 6, 0}, torch::kFloat32)));
}

TEST_CASE("a study survives being written and read as NIfTI", "[nifti]") {
  const TemporaryDirectory directory;
  const SimulatedStudy study = small_study();
  const auto folder = write_study_nifti(study, directory.path());
  CHECK(folder == directory / "small_1");
  const SimulatedStudy read = read_study_nifti(folder);
  CHECK(read.name == study.name);
  REQUIRE(read.sequences.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const SimulatedSequence &from = study.sequences[i], &to = read.sequences[i];
    CHECK(to.slot == from.slot);
    CHECK(torch::equal(to.image.voxels, from.image.voxels.round()));
    CHECK(torch::allclose(to.image.index_to_lps_mm, from.image.index_to_lps_mm, 1e-5, 1e-5));
    CHECK(torch::equal(to.patient_motion, from.patient_motion));
    CHECK(to.tr_ms == from.tr_ms);
    CHECK(to.echo_train_length == from.echo_train_length);
  }
  CHECK(torch::equal(read.truth.voxels, study.truth.voxels));
  REQUIRE(read.lesions.size() == 1);
  CHECK(read.lesions[0].centroid_lps_mm == study.lesions[0].centroid_lps_mm);
  CHECK(read.lesions[0].volume_mm3 == 12.75);
}

TEST_CASE("a header that claims more voxels than its file can hold is refused at once", "[nifti]") {
  const TemporaryDirectory directory;
  write_nifti({torch::zeros({4, 4, 4}), sagittal_matrix()}, directory / "plain.nii");
  std::fstream stream(directory / "plain.nii", std::ios::binary | std::ios::in | std::ios::out);
  const std::int16_t dimensions[] = {3, 32767, 32767, 32767};
  stream.seekp(40);  // `dim` of NIfTI-1
  stream.write(reinterpret_cast<const char*>(dimensions), sizeof dimensions);
  stream.close();
  // What is no gzip is read as it is, also under that name.
  std::filesystem::copy_file(directory / "plain.nii", directory / "named.nii.gz");
  for (const char* name : {"plain.nii", "named.nii.gz"})
    CHECK_THROWS_WITH(read_nifti(directory / name), Catch::Contains("claims more voxels"));
}

TEST_CASE("a file that is cut off anywhere is refused by its name", "[nifti]") {
  const TemporaryDirectory directory;
  const torch::Tensor noise = torch::randint(0, 4096, {8, 8, 8}, torch::kFloat32);
  write_nifti({noise, sagittal_matrix()}, directory / "whole.nii");
  write_nifti({noise, sagittal_matrix()}, directory / "whole.nii.gz");
  for (const std::string ending : {".nii", ".nii.gz"}) {
    const auto whole = directory / ("whole" + ending), cut = directory / ("cut" + ending);
    const auto bytes = std::filesystem::file_size(whole);
    for (std::uintmax_t left = 0; left < bytes; left += 13) {
      std::filesystem::copy_file(whole, cut, std::filesystem::copy_options::overwrite_existing);
      std::filesystem::resize_file(cut, left);
      INFO(ending << " of " << bytes << " bytes cut off after " << left);
      CHECK_THROWS_WITH(read_nifti(cut), Catch::Contains("cut" + ending));
    }
  }
}

TEST_CASE("labels that are no whole numbers are refused", "[nifti]") {
  const TemporaryDirectory directory;
  const auto file = directory / "labels.nii";
  write_nifti({torch::ones({4, 4, 4}), sagittal_matrix()}, file);
  CHECK(read_nifti_labels(file).voxels.eq(1).all().item<bool>());
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  const float almost = 0.99999F;
  stream.seekp(112);  // `scl_slope` of NIfTI-1
  stream.write(reinterpret_cast<const char*>(&almost), sizeof almost);
  stream.close();
  CHECK_THROWS_WITH(read_nifti_labels(file),
                    Catch::Contains("labels.nii") && Catch::Contains("whole numbers"));
}

TEST_CASE("two volumes share a grid when their corners lie at one place", "[nifti]") {
  const SpatialImage a{torch::zeros({4, 5, 6}), sagittal_matrix()};
  SpatialImage b = a;
  b.index_to_lps_mm = a.index_to_lps_mm.clone();
  b.index_to_lps_mm[0][3] += 0.09;
  CHECK(same_grid(a, b));
  b.index_to_lps_mm[0][3] += 0.02;
  CHECK_FALSE(same_grid(a, b));
  b.index_to_lps_mm = a.index_to_lps_mm.clone();
  b.index_to_lps_mm.narrow(1, 0, 1).neg_();
  CHECK_FALSE(same_grid(a, b));
  CHECK_FALSE(same_grid(a, {torch::zeros({4, 5, 7}), a.index_to_lps_mm}));
}

TEST_CASE("a header with positions that are no numbers is refused, not handed to ITK", "[nifti]") {
  const TemporaryDirectory directory;
  const auto file = directory / "nowhere.nii";
  for (const float nowhere :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1.7e38F}) {
    write_nifti({torch::zeros({4, 4, 4}), sagittal_matrix()}, file);
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(280 + 2 * 16 + 4);  // in `srow_z` of NIfTI-1
    stream.write(reinterpret_cast<const char*>(&nowhere), sizeof nowhere);
    stream.close();
    CHECK_THROWS_WITH(read_nifti(file), Catch::Contains("positions"));
  }
}

TEST_CASE("a study folder with a part missing is refused by the name of the file", "[nifti]") {
  const TemporaryDirectory directory;
  const auto folder = write_study_nifti(small_study(), directory.path());
  std::filesystem::remove(folder / "flair.nii.gz");
  CHECK_THROWS_WITH(read_study_nifti(folder), Catch::Contains("flair.nii.gz"));
  std::ofstream(folder / "study.json") << "{}";
  CHECK_THROWS_WITH(read_study_nifti(folder), Catch::Contains("study.json"));
  CHECK_THROWS_AS(read_study_nifti(directory / "nothing"), Error);
}

TEST_CASE("a label map in any orientation becomes slices up, rows back, columns left", "[nifti]") {
  const TemporaryDirectory directory;
  // Left, down and forward, as FreeSurfer stores its volumes: (column, row, slice) in LPS mm.
  const torch::Tensor conformed = torch::tensor(
      {{1.0, 0.0, 0.0, -20.0}, {0.0, 0.0, -1.0, 30.0}, {0.0, -1.0, 0.0, 40.0}, {0.0, 0.0, 0.0, 1.0}},
      torch::kFloat64);
  torch::Tensor labels = torch::zeros({8, 9, 10}, torch::kInt16);
  labels[1][2][3] = 41;  // slice 1 from the back, row 2 from the top, column 3 from the right
  write_nifti({labels, conformed}, directory / "map.nii.gz");
  const Anatomy anatomy = read_anatomy(directory / "map.nii.gz");
  CHECK(anatomy.name == "map");
  CHECK(anatomy.spacing_mm == Approx(1.0));
  REQUIRE(anatomy.labels.sizes().vec() == std::vector<std::int64_t>{9, 8, 10});
  CHECK(anatomy.labels[9 - 1 - 2][8 - 1 - 1][3].item<int>() == 41);

  torch::Tensor flat = conformed.clone();
  flat[1][2] = -3.0;
  write_nifti({labels, flat}, directory / "flat.nii.gz");
  CHECK_THROWS_WITH(read_anatomy(directory / "flat.nii.gz"), Catch::Contains("cubic"));
  CHECK_THROWS_AS(read_anatomy(directory / "absent.nii.gz"), Error);
  std::filesystem::remove(directory / "flat.nii.gz");
  CHECK(holds_label_maps(directory.path()));
  CHECK(read_label_maps(directory.path()).size() == 1);

  const TemporaryDirectory without_itk;
  CHECK_FALSE(holds_label_maps(without_itk.path()));
  write_anatomy_tensors(anatomy, without_itk / "map.safetensors");
  const auto read = read_anatomies(without_itk.path());
  REQUIRE(read.size() == 1);
  CHECK(read[0].name == "map");
  CHECK(read[0].spacing_mm == Approx(1.0));
  CHECK(torch::equal(read[0].labels, anatomy.labels));
}

TEST_CASE("real label maps have the frontal sinus in front and the cerebellum below", "[nifti][data]") {
  const char* data = std::getenv("METSERVE_TEST_DATA");
  if (data == nullptr) {
    WARN("METSERVE_TEST_DATA is not set: skipped");
    return;
  }
  const Anatomy anatomy =
      read_anatomy(std::filesystem::path(data) / "brain_label_maps" / "label_map_01.nii.gz");
  CHECK(anatomy.name == "label_map_01");
  CHECK(anatomy.labels.scalar_type() == torch::kInt16);
  const auto middle = [&](int label) {
    return anatomy.labels.eq(label).nonzero().to(torch::kFloat64).mean(0);
  };
  CHECK(middle(8)[0].item<double>() < middle(3)[0].item<double>());     // cerebellum below the cortex
  CHECK(middle(506)[1].item<double>() < middle(16)[1].item<double>());  // eyes in front of the brain stem
  CHECK(middle(2)[2].item<double>() > middle(41)[2].item<double>());    // left white matter on the left
}
