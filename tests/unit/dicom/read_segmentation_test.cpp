#include "dicom/read_segmentation.h"

#include "dicom/error.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve::dicom;
using namespace metserve::dicom::testing;

namespace {

const UidSource uids("2.25", "read segmentation test");

}  // namespace

TEST_CASE("A segmentation that was written is read where it lies, in every plane", "[dicom][seg]") {
  const TemporaryDirectory directory;
  for (const Plane plane : all_planes) {
    INFO(name_of(plane));
    const LoadedSeries reference = make_reference(directory / name_of(plane), {.plane = plane});
    const VolumeGeometry& g = reference.volume.geometry;
    const auto labels = draw(g, {{{3, -17, 41}, 7}, {{-9, -23, 44}, 4}});
    const auto lesions = describe(2);
    write_segmentation(make_context(reference, lesions, uids), labels, directory / "seg.dcm");
    const ReadSegmentation read = read_segmentation(directory / "seg.dcm");
    CHECK(read.source_series_uid == reference.header.series_instance_uid);
    for (const SliceSource& slice : reference.slices)
      CHECK(read.source_sop_instance_uids.contains(slice.sop_instance_uid));
    CHECK(read.frame_of_reference_uid == reference.header.frame_of_reference_uid);
    CHECK(read.study_date == "20260102");
    REQUIRE(read.segments.size() == 2);
    CHECK(read.segments[1].tracking_id == "GTV_MET_02");
    CHECK(read.segments[1].tracking_uid == uids.uid("lesion/2/tracking"));
    // Every labelled voxel is found again at its place, and no other one.
    std::size_t found = 0;
    for (std::size_t v = 0; v < read.labels.size(); ++v) {
      if (read.labels[v] == 0) continue;
      const Vec3 place = read.geometry.centre_lps_mm(v);
      const Vec3 index = g.index(place);
      std::array<std::size_t, 3> voxel{};
      for (std::size_t axis = 0; axis < 3; ++axis) {
        REQUIRE(std::abs(index[axis] - std::round(index[axis])) < 1e-3);
        voxel[axis] = static_cast<std::size_t>(std::lround(index[axis]));
      }
      REQUIRE(labels[(voxel[2] * g.size[1] + voxel[1]) * g.size[0] + voxel[0]] == read.labels[v]);
      ++found;
    }
    CHECK(found == static_cast<std::size_t>(
                       std::count_if(labels.begin(), labels.end(), [](auto label) { return label != 0; })));
  }
}

TEST_CASE("Without a distance between slices it is that of the frames", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const VolumeGeometry& g = reference.volume.geometry;
  const auto lesions = describe(2);
  const auto labels = draw(g, {{{3, -17, 41}, 7}, {{-9, -23, 44}, 4}});
  const auto file = directory / "seg.dcm";
  write_segmentation(make_context(reference, lesions, uids), labels, file);
  const auto format = metserve::dicom::testing::read(file);
  DcmItem* measures = first_item(*first_item(*format->getDataset(), DCM_SharedFunctionalGroupsSequence),
                                 DCM_PixelMeasuresSequence);
  REQUIRE(measures != nullptr);
  REQUIRE(measures->findAndDeleteElement(DCM_SpacingBetweenSlices).good());
  REQUIRE(measures->putAndInsertString(DCM_SliceThickness, "0.4").good());  // slices with gaps
  const auto without = directory / "without.dcm";
  REQUIRE(format->saveFile(without.c_str()).good());
  const ReadSegmentation read = read_segmentation(without);
  CHECK(read.geometry.spacing_mm[2] == Approx(g.spacing_mm[2]));
  CHECK(read.segments[0].voxels == static_cast<std::size_t>(std::count(labels.begin(), labels.end(), 1)));
}

TEST_CASE("What is no segmentation is refused by name", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const LoadedSeries reference = make_reference(directory / "reference", {});
  REQUIRE_THROWS_WITH(read_segmentation(reference.first_file),
                      Catch::Matchers::Contains("1.dcm") && Catch::Matchers::Contains("no segmentation"));
  const auto lesions = describe(2);
  const auto file = directory / "seg.dcm";
  write_segmentation(make_context(reference, lesions, uids), draw_boxes(reference.volume.geometry, 2), file);
  const auto format = metserve::dicom::testing::read(file);
  SECTION("without pixels") {
    format->getDataset()->findAndDeleteElement(DCM_PixelData);
  }
  SECTION("without frames") {
    format->getDataset()->findAndDeleteElement(DCM_PerFrameFunctionalGroupsSequence);
  }
  SECTION("without orientation") {
    format->getDataset()->findAndDeleteElement(DCM_SharedFunctionalGroupsSequence);
  }
  REQUIRE(format->saveFile(file.c_str()).good());
  REQUIRE_THROWS_AS(read_segmentation(file), Error);
}
