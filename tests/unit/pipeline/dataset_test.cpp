#include "models/data/dataset.h"

#include <fstream>

#include <torch/types.h>

#include "models/data/simulated_study_files.h"
#include "models/error.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/pipeline/dataset_fixture.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using namespace metserve::pipeline::test;
using Catch::Matchers::Contains;
using models::Slot;

namespace {

namespace fs = std::filesystem;

/// 12 slices of 20 x 16 voxels of 1 mm with labels 0 to 3.
models::AnnotatedStudy small_study(const std::string& name) {
  torch::manual_seed(4);
  const auto image = [] {
    return models::SpatialImage{torch::randint(0, 256, {12, 20, 16}, at::kFloat), torch::eye(4, at::kDouble)};
  };
  models::AnnotatedStudy study{name, {}, image()};
  for (const Slot slot : {Slot::t1_gre_post, Slot::t1_se_pre, Slot::flair}) study.sequences[slot] = image();
  study.truth.voxels = torch::randint(0, 4, {12, 20, 16}, at::kShort);
  return study;
}

}  // namespace

TEST_CASE("BrainMetShare is read voxel for voxel", "[dataset]") {
  const TemporaryDirectory directory;
  const auto written = small_study("Mets_005");
  write_brainmetshare(written, directory / "mets_stanford_releaseMask_train");
  const auto studies = models::dataset_studies(directory.path());
  REQUIRE(studies.size() == 1);
  CHECK(studies[0].name == "Mets_005");
  const auto read = studies[0].read();
  CHECK(read.patient == "Mets_005");
  REQUIRE(read.sequences.size() == 3);
  for (const auto& [slot, image] : written.sequences)
    CHECK(torch::equal(read.sequences.at(slot).voxels, image.voxels));
  CHECK(torch::equal(read.truth.voxels.ne(0), written.truth.voxels.ne(0)));
  CHECK(read.truth.index_to_lps_mm[0][0].item<double>() == Approx(0.94));
  CHECK(read.truth.index_to_lps_mm[2][2].item<double>() == Approx(1));
}

TEST_CASE("BraTS-METS is read with tumour core as lesion, its T1 as told", "[dataset]") {
  const TemporaryDirectory directory;
  const auto written = small_study("BraTS-MET-00001-000");
  write_brats(written, directory.path());
  const Slot t1c = GENERATE(Slot::t1_gre_post, Slot::t1_se_post);
  const auto read = models::dataset_studies(directory.path(), t1c).at(0).read();
  CHECK(read.patient == "BraTS-MET-00001");
  REQUIRE(read.sequences.size() == 3);
  CHECK(torch::equal(read.sequences.at(t1c).voxels, written.sequences.at(Slot::t1_gre_post).voxels));
  CHECK(torch::equal(read.sequences.at(Slot::flair).voxels, written.sequences.at(Slot::flair).voxels));
  CHECK(torch::equal(read.truth.voxels.ne(0), written.truth.voxels.eq(1) | written.truth.voxels.eq(3)));
}

TEST_CASE("Hidden files are no images of BraTS-METS, two for one sequence are refused", "[dataset]") {
  const TemporaryDirectory directory;
  const auto folder = write_brats(small_study("BraTS-MET-00001-000"), directory.path());
  for (const char* ending : {"t1c", "t1n", "t2f", "seg"})
    std::ofstream(folder / ("._BraTS-MET-00001-000-" + std::string(ending) + ".nii.gz")) << "macOS";
  CHECK(models::dataset_studies(directory.path()).at(0).read().sequences.size() == 3);
  fs::copy_file(folder / "BraTS-MET-00001-000-t1n.nii.gz", folder / "old-t1n.nii.gz");
  CHECK_THROWS_WITH(models::dataset_studies(directory.path()).at(0).read(),
                    Contains("BraTS-MET-00001-000-t1n.nii.gz") && Contains("old-t1n.nii.gz"));
}

TEST_CASE("What the simulator writes is a data set, too", "[dataset]") {
  const TemporaryDirectory directory;
  auto simulated = phantom_study({{Slot::t1_gre_post, {}}});
  simulated.truth = {torch::zeros(simulated.sequences[0].image.voxels.sizes(), at::kShort),
                     simulated.sequences[0].image.index_to_lps_mm};
  models::write_study_nifti(simulated, directory.path());
  const auto read = models::dataset_studies(directory.path()).at(0).read();
  CHECK(read.name == "phantom");
  CHECK(read.simulated);
  CHECK(read.sequences.count(Slot::t1_gre_post) == 1);
}

TEST_CASE("A data set that does not fit is refused with the first thing wrong", "[dataset]") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH(models::dataset_studies(directory.path()), Contains("holds no folder"));
  const auto read_first = [&] { return models::dataset_studies(directory.path()).at(0).read(); };
  SECTION("no layout that is known") {
    fs::create_directory(directory / "photos");
    CHECK_THROWS_WITH(read_first(),
                      Contains("photos") && Contains("BrainMetShare") && Contains("BraTS-METS"));
  }
  SECTION("a study without annotation") {
    const auto folder = write_brainmetshare(small_study("Mets_200"), directory.path());
    fs::remove_all(folder / "seg");
    CHECK_THROWS_WITH(read_first(), Contains("Mets_200"));
  }
  SECTION("a slice is missing") {
    const auto folder = write_brainmetshare(small_study("Mets_001"), directory.path());
    fs::remove(folder / "2/004.png");
    fs::remove(folder / "3/004.png");
    CHECK_THROWS_WITH(read_first(), Contains("Mets_001/3") && Contains("slice 4 is missing"));
  }
  SECTION("a slice that is none") {
    const auto folder = write_brainmetshare(small_study("Mets_001"), directory.path());
    std::ofstream(folder / "0/004.png") << "no picture";
    CHECK_THROWS_WITH(read_first(), Contains("0/004.png") && Contains("cannot be read as PNG"));
  }
  SECTION("a slice that is cut off anywhere") {
    const auto slice = write_brainmetshare(small_study("Mets_001"), directory.path()) / "0/004.png";
    const auto bytes = fs::file_size(slice);
    for (std::uintmax_t left = bytes; left-- > 0;) {
      fs::resize_file(slice, left);
      INFO(bytes << " bytes cut off after " << left);
      CHECK_THROWS_WITH(read_first(), Contains("0/004.png") && Contains("PNG"));
    }
  }
  SECTION("a name that is no number") {
    const auto folder = write_brainmetshare(small_study("Mets_001"), directory.path());
    fs::rename(folder / "0/004.png", folder / "0/4b.png");
    CHECK_THROWS_WITH(read_first(), Contains("4b.png") && Contains("slice number"));
  }
  SECTION("sizes that differ") {
    const auto folder = write_brainmetshare(small_study("Mets_001"), directory.path());
    fs::remove(folder / "1/011.png");
    CHECK_THROWS_WITH(read_first(), Contains("Mets_001/1") && Contains("does not have the slices"));
  }
  SECTION("slices of other numbers than the annotation's") {
    const auto folder = write_brainmetshare(small_study("Mets_001"), directory.path());
    fs::rename(folder / "seg/000.png", folder / "seg/012.png");
    CHECK_THROWS_WITH(read_first(), Contains("Mets_001/0") && Contains("slices") && Contains("seg"));
  }
  SECTION("an annotation with grey values") {
    auto study = small_study("Mets_001");
    const auto folder = write_brainmetshare(study, directory.path());
    write_png_slices(study.truth.voxels * 60, folder / "seg");
    CHECK_THROWS_WITH(read_first(), Contains("Mets_001/seg") && Contains("grey values"));
  }
  SECTION("an annotation that lies elsewhere") {
    auto study = small_study("BraTS-MET-00002-000");
    study.truth.index_to_lps_mm = torch::diag(torch::tensor({-1.0, 1.0, 1.0, 1.0}, at::kDouble));
    write_brats(study, directory.path());
    CHECK_THROWS_WITH(read_first(), Contains("t1c.nii.gz") && Contains("annotation lies"));
  }
  SECTION("labels that are none of BraTS-METS's") {
    auto study = small_study("BraTS-MET-00002-000");
    study.truth.voxels[0][0][0] = 7;
    write_brats(study, directory.path());
    CHECK_THROWS_WITH(read_first(), Contains("seg.nii.gz") && Contains("0 to 4"));
  }
}
