#include "pipeline/follow_up.h"

#include <algorithm>
#include <cmath>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "pipeline/segment_study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/phantom.h"
#include "tests/unit/pipeline/study_fixture.h"

using namespace metserve;
using namespace metserve::pipeline;
using namespace metserve::pipeline::test;
using dicom::testing::Sphere;

namespace {

dicom::VolumeGeometry grid(dicom::testing::Plane plane, const dicom::Vec3& spacing_mm) {
  dicom::VolumeGeometry g;
  g.spacing_mm = spacing_mm;
  g.axes_lps = dicom::testing::axes_of(plane);
  for (std::size_t axis = 0; axis < 3; ++axis)
    g.size[axis] = static_cast<std::size_t>(140 / spacing_mm[axis]);
  const dicom::Vec3 centre = g.lps_mm({static_cast<double>(g.size[0]) / 2, static_cast<double>(g.size[1]) / 2,
                                       static_cast<double>(g.size[2]) / 2});
  for (std::size_t c = 0; c < 3; ++c) g.origin_lps_mm[c] -= centre[c];
  return g;
}

LesionMap map_of(const dicom::VolumeGeometry& g, const std::vector<Sphere>& spheres) {
  dicom::Volume probability{g, std::vector<float>(g.voxel_count(), 0.0F)};
  const auto labels = dicom::testing::draw(g, spheres);
  for (std::size_t v = 0; v < labels.size(); ++v) probability.voxels[v] = labels[v] != 0 ? 0.9F : 0.0F;
  return find_lesions(probability, {});
}

/// An earlier segmentation on a grid of its own, of spheres where the patient then was: `motion` of now.
dicom::ReadSegmentation segmentation_of(std::vector<Sphere> spheres, const RigidTransform& motion) {
  for (Sphere& sphere : spheres) sphere.centre_lps_mm = motion.apply(sphere.centre_lps_mm);
  dicom::ReadSegmentation earlier;
  earlier.geometry = grid(dicom::testing::Plane::sagittal, {1.1, 0.9, 1.2});
  earlier.labels = dicom::testing::draw(earlier.geometry, spheres);
  for (std::size_t n = 0; n < spheres.size(); ++n)
    earlier.segments.push_back(
        {"GTV_MET_0" + std::to_string(2 * n + 1), "1.2." + std::to_string(2 * n + 1),
         static_cast<std::size_t>(std::count(earlier.labels.begin(), earlier.labels.end(), n + 1))});
  return earlier;
}

const Lesion& numbered(const LesionMap& map, int number) {
  const auto found = std::find_if(map.lesions.begin(), map.lesions.end(),
                                  [&](const Lesion& lesion) { return lesion.number == number; });
  REQUIRE(found != map.lesions.end());
  return *found;
}

std::ptrdiff_t earlier_basis_warnings(const StudyResult& result) {
  return std::count_if(result.warnings.begin(), result.warnings.end(), [](const std::string& warning) {
    return warning.starts_with("the earlier study was segmented");
  });
}

/// A second part for the series in `directory`: an echo that is sorted before the images' and shows nothing.
void add_black_echo(const std::filesystem::path& directory) {
  const auto images = dicom::scan_study(dicom::list_files(directory)).series.at(0).instances;
  for (const dicom::InstanceFile& image : images) {
    DcmFileFormat file;
    REQUIRE(file.loadFile(image.path.c_str()).good());
    DcmDataset& dataset = *file.getDataset();
    OFString uid;
    const Uint16* pixels = nullptr;
    unsigned long count = 0;
    REQUIRE(dataset.findAndGetOFString(DCM_SOPInstanceUID, uid).good());
    REQUIRE(dataset.findAndGetUint16Array(DCM_PixelData, pixels, &count).good());
    const std::vector<Uint16> black(count, 0);
    dataset.putAndInsertOFStringArray(DCM_SOPInstanceUID, uid + ".1");
    dataset.putAndInsertString(DCM_EchoTime, "0.1");
    dataset.putAndInsertUint16Array(DCM_PixelData, black.data(), count);
    REQUIRE(file.saveFile((image.path.string() + ".echo").c_str()).good());
  }
}

}  // namespace

TEST_CASE("Lesions keep numbers and UIDs across time, and say what became of them", "[follow_up]") {
  const RigidTransform motion = motion_about({0, 0, 0}, {6, -4, 9}, {5, -3, 7});
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  // Then: 1 and 3 stay about the same or grow, 5 shrinks, 7 goes. Now: 8 is new.
  const auto earlier =
      segmentation_of({{{0, 0, 0}, 8}, {{30, 10, -20}, 5}, {{-30, 20, 15}, 9}, {{10, -40, 30}, 4}}, motion);
  LesionMap map = map_of(g, {{{0.5, 0, 0}, 8}, {{30, 10, -20}, 7}, {{-30, 20, 15}, 6}, {{-20, -40, -30}, 3}});
  const FollowUp result = compare_lesions(map, g, earlier, motion, {});
  REQUIRE(map.lesions.size() == 4);
  CHECK(numbered(map, 1).history->change == "stable");
  CHECK(numbered(map, 1).tracking_uid == "1.2.1");
  CHECK(numbered(map, 3).history->change == "grown");
  CHECK(numbered(map, 3).history->prior_volume_mm3 == Approx(4.0 / 3 * 3.14159 * 125).epsilon(0.05));
  CHECK(numbered(map, 3).history->volume_change_percent == Approx(100 * (343.0 / 125 - 1)).epsilon(0.08));
  CHECK(numbered(map, 5).history->change == "shrunk");
  CHECK(numbered(map, 5).tracking_uid == "1.2.5");
  CHECK(numbered(map, 8).history->change == "new");
  CHECK(numbered(map, 8).tracking_uid.empty());
  REQUIRE(result.resolved.size() == 1);
  CHECK(result.resolved[0].number == 7);
  CHECK(result.resolved[0].tracking_uid == "1.2.7");
  CHECK(sentences_of(result, map.lesions).size() == 1 + 5);
  // The labels follow the lesions' new order.
  for (std::size_t n = 0; n < map.lesions.size(); ++n) {
    if (n > 0) CHECK(map.lesions[n].number > map.lesions[n - 1].number);
    const dicom::Vec3 index = g.index(map.lesions[n].centroid_lps_mm);
    std::array<std::size_t, 3> voxel{};
    for (std::size_t axis = 0; axis < 3; ++axis)
      voxel[axis] = static_cast<std::size_t>(std::lround(index[axis]));
    CHECK(map.labels[(voxel[2] * g.size[1] + voxel[1]) * g.size[0] + voxel[0]] == n + 1);
  }
}

TEST_CASE("Lesions that merge or split are compared together", "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  SECTION("two become one") {
    const auto earlier = segmentation_of({{{-6, 0, 0}, 5}, {{6, 0, 0}, 4}}, {});
    LesionMap map = map_of(g, {{{0, 0, 0}, 11}});
    const FollowUp result = compare_lesions(map, g, earlier, {}, {});
    REQUIRE(map.lesions.size() == 1);
    CHECK(map.lesions[0].number == 1);
    CHECK(map.lesions[0].history->change == "grown");
    CHECK(map.lesions[0].history->remark == "merged with GTV_MET_03");
    CHECK(map.lesions[0].history->prior_volume_mm3 == Approx(4.0 / 3 * 3.14159 * (125 + 64)).epsilon(0.05));
    CHECK(result.resolved.empty());
  }
  SECTION("one becomes two") {
    const auto earlier = segmentation_of({{{0, 0, 0}, 12}}, {});
    LesionMap map = map_of(g, {{{-7, 0, 0}, 5}, {{7, 0, 0}, 4}});
    const FollowUp result = compare_lesions(map, g, earlier, {}, {});
    REQUIRE(map.lesions.size() == 2);
    CHECK(map.lesions[0].number == 1);
    CHECK(map.lesions[0].history->remark == "now in 2 parts");
    CHECK_THAT(sentences_of(result, map.lesions)[1], Catch::Matchers::Contains("mm3, all parts "));
    CHECK(map.lesions[1].number == 2);
    CHECK(map.lesions[1].history->change == "shrunk");
    CHECK(map.lesions[1].history->remark == "part of what was GTV_MET_01");
  }
  SECTION("a new one that touches what one was before is no part of it") {
    const auto earlier = segmentation_of({{{0, 0, 0}, 6}}, {});
    LesionMap map = map_of(g, {{{-1.5, 0, 0}, 3.5}, {{10.2, 0, 0}, 5}});
    const FollowUp result = compare_lesions(map, g, earlier, {}, {});
    REQUIRE(map.lesions.size() == 2);
    CHECK(map.lesions[0].history->change == "shrunk");
    CHECK(map.lesions[0].history->volume_change_percent == Approx(100 * (42.9 / 216 - 1)).epsilon(0.05));
    CHECK(map.lesions[0].history->remark.empty());
    CHECK(map.lesions[1].history->change == "new");
  }
  SECTION("one that moved so that it hardly meets itself is the same") {
    const auto earlier = segmentation_of({{{0, 0, 0}, 4}}, {});
    LesionMap map = map_of(g, {{{7, 0, 0}, 4}});
    CHECK(compare_lesions(map, g, earlier, {}, {}).resolved.empty());
    CHECK(map.lesions[0].history->change == "stable");
  }
}

TEST_CASE("What lies outside the images of this study is not said to be gone", "[follow_up]") {
  const RigidTransform motion = motion_about({0, 0, 0}, {6, -4, 9}, {5, -3, 7});
  const auto earlier =
      segmentation_of({{{0, 0, 40}, 6}, {{0, 0, -40}, 6}, {{20, 0, 0}, 6}, {{-20, 0, 40}, 5}}, motion);
  auto upper = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  upper.origin_lps_mm[2] = 0;  // of 1 and 7 all, of 3 nothing, of 5 the upper half
  upper.size[2] = 70;
  LesionMap map = map_of(upper, {{{0, 0, 40}, 6}, {{20, 0, 0}, 6}});
  const FollowUp result = compare_lesions(map, upper, earlier, motion, {});
  REQUIRE(result.resolved.size() == 1);
  CHECK(result.resolved[0].number == 7);
  CHECK(std::count(result.gone.begin(), result.gone.end(),
                   "GTV_MET_03: not within the images of this study") == 1);
  CHECK(numbered(map, 1).history->remark.empty());
  CHECK(numbered(map, 5).history->remark == "partly outside the images of this study");
}

TEST_CASE("Lesions that the earlier study's images do not hold are remarked on", "[follow_up]") {
  const RigidTransform motion = motion_about({0, 0, 0}, {6, -4, 9}, {5, -3, 7});
  const auto here = [&](const dicom::Vec3& place_of_earlier) {
    return motion.inverse().apply(place_of_earlier);
  };
  auto lower = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  const double end_mm = 19.5;  // behind the last voxel of 1 mm
  lower.size[2] = static_cast<std::size_t>(std::llround(-lower.origin_lps_mm[2])) + 20;
  const Sphere inside{{0, 0, -30}, 7}, cut{here({-30, 0, end_mm}), 6};
  const auto earlier = segmentation_of({inside, cut}, motion);
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  // With the motion left out or turned round the middle one of the new lesions would lie inside.
  LesionMap map = map_of(
      g, {inside, cut, {here({-20, 25, end_mm}), 5}, {here({20, 20, 25}), 4}, {here({30, -30, -20}), 3}});
  compare_lesions(map, g, earlier, motion, {});
  remark_on_unseen(map, g, lower, motion);
  REQUIRE(map.lesions.size() == 5);
  CHECK(numbered(map, 1).history->remark.empty());
  CHECK(numbered(map, 3).history->change == "stable");
  CHECK(numbered(map, 3).history->remark == "partly outside the images of the earlier study");
  for (const int fresh : {4, 5, 6}) CHECK(numbered(map, fresh).history->change == "new");
  CHECK(numbered(map, 4).history->remark == "partly outside the images of the earlier study");
  CHECK(numbered(map, 5).history->remark == "not within the images of the earlier study");
  CHECK(numbered(map, 6).history->remark.empty());
}

TEST_CASE("What was looked for in another way, or lies below another segment, is not resolved",
          "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  auto earlier = segmentation_of({{{0, 0, 0}, 6}, {{30, 10, -20}, 5}}, {});
  LesionMap map = map_of(g, {{{0, 0, 0}, 6}});
  const FollowUp otherwise = compare_lesions(map, g, earlier, {}, {}, false);
  CHECK(otherwise.resolved.empty());
  REQUIRE(otherwise.gone.size() == 1);
  CHECK_THAT(otherwise.gone[0], Catch::Matchers::Contains("GTV_MET_03: not found, before"));
  for (std::uint16_t& label : earlier.labels) label = std::min<std::uint16_t>(label, 1);
  const FollowUp covered = compare_lesions(map, g, earlier, {}, {});
  CHECK(covered.resolved.empty());
  CHECK(covered.gone ==
        std::vector<std::string>{"GTV_MET_03: covered by another segment of the earlier segmentation"});
}

TEST_CASE("Lesions keep their names through motion between the series that both results are drawn on",
          "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  const RigidTransform motion = motion_about({0, 0, 0}, {3, -2, 4}, {8, -3, 7});
  const auto superseded = segmentation_of({{{0, 0, 0}, 3}, {{30, 10, -20}, 4}}, motion);
  LesionMap map = map_of(g, {{{0, 0, 0}, 3}, {{30, 10, -20}, 4}});
  keep_identities(map, g, superseded, motion, 2);
  CHECK(numbered(map, 1).centroid_lps_mm[0] == Approx(0).margin(0.5));
  CHECK(numbered(map, 3).centroid_lps_mm[0] == Approx(30).margin(0.5));
}

TEST_CASE("Lesions of a result that replaces another keep their names", "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  // 1 has become smaller than 3, 5 is no longer found, another one is larger than all.
  const auto superseded = segmentation_of({{{0, 0, 0}, 6}, {{30, 10, -20}, 5.8}, {{-30, 20, 15}, 4}}, {});
  LesionMap map = map_of(g, {{{0, 0, 0}, 5.6}, {{30, 10, -20}, 6.2}, {{-20, -40, -30}, 8}});
  keep_identities(map, g, superseded, {}, 2);
  REQUIRE(map.lesions.size() == 3);
  CHECK(numbered(map, 1).centroid_lps_mm[0] == Approx(0).margin(0.5));
  CHECK(numbered(map, 1).tracking_uid == "1.2.1");
  CHECK(numbered(map, 3).centroid_lps_mm[0] == Approx(30).margin(0.5));
  CHECK(numbered(map, 3).tracking_uid == "1.2.3");
  CHECK(numbered(map, 6).centroid_lps_mm[0] == Approx(-20).margin(0.5));
  CHECK(numbered(map, 6).tracking_uid.empty());
  CHECK_FALSE(numbered(map, 3).history);
}

TEST_CASE("New lesions of a follow-up keep their names in the result that replaces it", "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  const auto earlier = segmentation_of({{{0, 0, 0}, 6}, {{30, 10, -20}, 4}}, {});  // 1 and 3; 3 goes
  LesionMap first = map_of(g, {{{0, 0, 0}, 6}, {{-30, 20, 15}, 6.2}, {{-20, -40, -30}, 6}});
  compare_lesions(first, g, earlier, {}, {});
  dicom::ReadSegmentation superseded =
      segmentation_of({{{0, 0, 0}, 6}, {{-30, 20, 15}, 6.2}, {{-20, -40, -30}, 6}}, {});
  for (std::size_t n = 0; n < 3; ++n) {
    superseded.segments[n].tracking_id = "GTV_MET_0" + std::to_string(first.lesions[n].number);
    superseded.segments[n].tracking_uid = "1.9." + std::to_string(first.lesions[n].number);
  }
  // Now the second is the smaller one of the two, and there is another.
  LesionMap now =
      map_of(g, {{{0, 0, 0}, 6}, {{-30, 20, 15}, 5.8}, {{-20, -40, -30}, 6.1}, {{20, 40, 30}, 5}});
  const FollowUp result = compare_lesions(now, g, earlier, {}, {});
  keep_identities(now, g, superseded, {}, 2, result.last_number);
  REQUIRE(now.lesions.size() == 4);
  CHECK(numbered(now, 1).tracking_uid == "1.2.1");  // the earlier study's
  CHECK(numbered(now, 4).centroid_lps_mm[0] == Approx(-30).margin(0.5));
  CHECK(numbered(now, 4).tracking_uid == "1.9.4");
  CHECK(numbered(now, 5).centroid_lps_mm[0] == Approx(-20).margin(0.5));
  CHECK(numbered(now, 6).centroid_lps_mm[0] == Approx(20).margin(0.5));
  CHECK(numbered(now, 6).tracking_uid.empty());
  const auto sentences = sentences_of(result, now.lesions);
  CHECK_THAT(sentences[2], Catch::Matchers::Contains("GTV_MET_04: new"));
  CHECK_THAT(sentences.back(), Catch::Matchers::Contains("GTV_MET_03: resolved"));
}

TEST_CASE("Lesions that another program's segmentation gave a number alone keep it", "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  auto earlier = segmentation_of({{{0, 0, 0}, 6}}, {});
  earlier.segments[0].tracking_uid = "";
  const auto superseded = segmentation_of({{{0, 0, 0}, 6}, {{30, 10, -20}, 5}}, {});  // 1 and 3
  LesionMap map = map_of(g, {{{0, 0, 0}, 6}, {{30, 10, -20}, 5}});
  const FollowUp result = compare_lesions(map, g, earlier, {}, {});
  keep_identities(map, g, superseded, {}, 2, result.last_number);
  CHECK(numbered(map, 1).history->change == "stable");
  CHECK(numbered(map, 1).tracking_uid == "1.2.1");
  CHECK(numbered(map, 3).history->change == "new");
  CHECK(numbered(map, 3).tracking_uid == "1.2.3");
}

TEST_CASE("The inverse of a rigid transform leads back", "[follow_up]") {
  const RigidTransform motion = motion_about({3, 4, 5}, {6, -14, 9}, {5, -3, 7});
  const dicom::Vec3 place{12, -30, 44}, back = motion.inverse().apply(motion.apply(place));
  for (std::size_t c = 0; c < 3; ++c) CHECK(back[c] == Approx(place[c]));
}

TEST_CASE("Small lesions that miss each other within the tolerance are the same", "[follow_up]") {
  const auto g = grid(dicom::testing::Plane::axial, {0.9, 0.9, 1});
  const auto earlier = segmentation_of({{{0, 0, 0}, 1.6}}, {});
  LesionMap near = map_of(g, {{{4.5, 0, 0}, 1.6}}), far = map_of(g, {{{9, 0, 0}, 1.6}});
  CHECK(compare_lesions(near, g, earlier, {}, {}).resolved.empty());
  CHECK(near.lesions.at(0).history->change == "stable");
  CHECK(compare_lesions(far, g, earlier, {}, {}).resolved.size() == 1);
  CHECK(far.lesions.at(0).history->change == "new");
  CHECK(far.lesions.at(0).number == 2);
}

TEST_CASE("An earlier study is read, registered and compared from its files", "[follow_up]") {
  const TemporaryDirectory directory;
  const auto result_of = [&](const std::string& name, const RigidTransform& motion, double radius_mm) {
    auto simulated = phantom_study({{models::Slot::t1_gre_post, motion}});
    simulated.name = name;
    const auto study = scanned(simulated, directory / name);
    StudyResult result;
    result.reference = dicom::load_series(study.series.at(0));
    result.subset.set(models::index(models::Slot::t1_gre_post));
    result.registrations.push_back({models::Slot::t1_gre_post, {}});
    result.rule.threshold = 0.5;
    result.sequences_used = {"BRAVO: series 1"};
    result.model.name = "random";
    result.model.version = "0";
    result.model.weights_sha256 = std::string(64, 'a');
    result.lesions = map_of(result.reference.volume.geometry,
                            {{motion.apply({20, 10, 30}), radius_mm}, {motion.apply({-25, -40, 10}), 6}});
    return result;
  };
  EncodeOptions options;
  options.clock = [] { return std::chrono::system_clock::time_point{}; };
  StudyResult earlier = result_of("earlier", {}, 10);
  const auto files = encode_result(earlier, options, directory / "earlier-result");
  add_black_echo(directory / "earlier");
  REQUIRE(dicom::scan_study(dicom::list_files(directory / "earlier")).series.size() == 2);

  StudyResult now = result_of("now", motion_about({0, 0, 0}, {4, 3, -5}, {6, 2, -4}), 7);
  REQUIRE(now.reference.header.frame_of_reference_uid != earlier.reference.header.frame_of_reference_uid);
  compare_with_earlier(now, {files.segmentation, dicom::list_files(directory / "earlier")}, {});
  REQUIRE(now.follow_up.has_value());
  INFO(now.follow_up->how);
  REQUIRE(now.lesions.lesions.size() == 2);
  CHECK(now.lesions.lesions[0].history->change == "shrunk");
  CHECK(now.lesions.lesions[1].history->change == "stable");
  CHECK(now.follow_up->resolved.empty());
  CHECK(earlier_basis_warnings(now) == 0);
  encode_result(now, options, directory / "result");
  const auto seg = dicom::read_segmentation(directory / "result/seg.dcm");
  const auto earlier_seg = dicom::read_segmentation(files.segmentation);
  CHECK(seg.segments.at(0).tracking_uid == earlier_seg.segments.at(0).tracking_uid);
  CHECK(seg.segments.at(1).tracking_uid == earlier_seg.segments.at(1).tracking_uid);

  StudyResult other = result_of("other", {}, 10);
  SECTION("by another model") {
    other.model.weights_sha256 = std::string(64, 'b');
  }
  SECTION("from another sequence") {
    other.subset = models::SlotSet();
    other.subset.set(models::index(models::Slot::flair));
  }
  other.lesions.lesions.clear();
  std::fill(other.lesions.labels.begin(), other.lesions.labels.end(), std::uint16_t{0});
  compare_with_earlier(other, {files.segmentation, dicom::list_files(directory / "earlier")}, {});
  CHECK(earlier_basis_warnings(other) == 1);
  CHECK(other.follow_up->resolved.empty());

  CHECK_THROWS_WITH(compare_with_earlier(now, {files.segmentation, dicom::list_files(directory / "now")}, {}),
                    Catch::Matchers::Contains(earlier_seg.source_series_uid));
}
