// The three objects of one mask, judged by readers that share no code with what wrote them.

#include "dicom/mr_writer.h"
#include "pipeline/contours.h"
#include "pipeline/lesions.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve;
using namespace metserve::dicom;
using namespace metserve::dicom::testing;

namespace {

const UidSource uids("2.25", "results test");

LoadedSeries load(const std::filesystem::path& directory, const std::string& description = {}) {
  const Study study = scan_study(list_files(directory));
  for (const Series& series : study.series)
    if (description.empty() || series.header.series_description == description) return load_series(series);
  throw std::runtime_error("no series '" + description + "' below " + directory.string());
}

/// A series written, and read again, by what the program itself reads and writes with.
LoadedSeries written_series(Plane plane, const std::filesystem::path& directory) {
  Volume volume;
  volume.geometry.size = {61, 47, 29};
  volume.geometry.spacing_mm = {0.9, 1.1, 1.3};
  volume.geometry.axes_lps = axes_of(plane);
  volume.geometry.origin_lps_mm = {-31.5, 12.25, 87};
  volume.voxels.assign(volume.geometry.voxel_count(), 100.0F);
  SeriesHeader header;
  header.series_instance_uid = uids.uid(name_of(plane));
  header.series_number = 4;
  StudyIdentity identity;
  identity.patient_name = "M\xC3\xBCller^J\xC3\xB6rg";
  identity.patient_id = "P1";
  identity.study_instance_uid = uids.uid("study");
  identity.study_date = "20260102";
  identity.frame_of_reference_uid = uids.uid("frame");
  write_mr_series(identity, header, volume, directory);
  return load(directory);
}

std::vector<LesionDescription> described(const std::vector<pipeline::Lesion>& lesions) {
  std::vector<LesionDescription> descriptions;
  descriptions.reserve(lesions.size());
  for (const pipeline::Lesion& l : lesions)
    descriptions.push_back(
        {l.number, l.volume_mm3, l.longest_diameter_mm, l.centroid_lps_mm, l.mean_probability});
  return descriptions;
}

/// Spheres drawn on the reference, found as lesions and written as SEG, RTSTRUCT and SR.
struct Results {
  std::vector<std::uint16_t> labels;
  std::filesystem::path seg, rtstruct, report;

  Results(const LoadedSeries& reference, const std::vector<Sphere>& spheres,
          const TemporaryDirectory& directory)
      : seg(directory / "seg.dcm"), rtstruct(directory / "rtstruct.dcm"), report(directory / "report.dcm") {
    Volume probability = reference.volume;
    const auto drawn = draw(reference.volume.geometry, spheres);
    for (std::size_t v = 0; v < drawn.size(); ++v) probability.voxels[v] = drawn[v] != 0 ? 0.9F : 0.1F;
    pipeline::LesionMap map = pipeline::find_lesions(probability, {});
    take_probabilities(map, probability.voxels);
    REQUIRE(map.lesions.size() == spheres.size());
    labels = map.labels;
    const auto lesions = described(map.lesions);
    const ResultContext context = make_context(reference, lesions, uids);
    write_segmentation(context, labels, seg);
    write_structure_set(context, pipeline::lesion_contours(reference.volume.geometry, labels, lesions.size()),
                        rtstruct);
    write_report(context, seg, report);
  }
};

/// Runs results_readback.py; warns that the test is skipped where pydicom is not installed.
void require_readback(const std::filesystem::path& reference, const Results& results, const Sphere& first) {
  if (std::system("/usr/bin/python3 -c 'import numpy, pydicom' >/dev/null 2>&1") != 0) {
    WARN("skipped: python3 has no pydicom and numpy");
    return;
  }
  const auto labels = results.seg.parent_path() / "labels.raw";
  std::ofstream(labels, std::ios::binary)
      .write(reinterpret_cast<const char*>(results.labels.data()),
             static_cast<std::streamsize>(results.labels.size() * sizeof results.labels[0]));
  const Vec3& place = first.centre_lps_mm;
  const std::string script = std::string(METSERVE_SOURCE_DIR) + "/tests/peers/results_readback.py";
  std::string output;
  for (const std::string& line :
       output_of("/usr/bin/python3 " + script + " " + reference.string() + " " + results.seg.string() + " " +
                 results.rtstruct.string() + " --labels " + labels.string() + " --at 1 " + ds(place[0]) +
                 " " + ds(place[1]) + " " + ds(place[2]) + " && echo AGREED"))
    output += line + "\n";
  INFO(output);
  REQUIRE(output.find("AGREED") != std::string::npos);
}

}  // namespace

TEST_CASE("Results lie where the lesion lies in the patient, for every orientation", "[pipeline][results]") {
  for (const Plane plane : all_planes) {
    INFO(name_of(plane));
    const TemporaryDirectory directory;
    const LoadedSeries reference = written_series(plane, directory / "reference");
    const VolumeGeometry& g = reference.volume.geometry;
    const std::vector<Sphere> spheres{{g.lps_mm({33.3, 20.8, 14.4}), 7},
                                      {g.lps_mm({14, 10, 8}), 3.5},
                                      {g.lps_mm({50, 38, 22}), 2},
                                      {g.lps_mm({8, 36, 20}), 1.6}};
    const Results results(reference, spheres, directory);
    require_valid_object(results.seg);
    require_valid_object(results.rtstruct);
    require_valid_object(results.report);
    require_readback(directory / "reference", results, spheres[0]);
  }
}

TEST_CASE("Results on a real enhanced series refer to its frames", "[pipeline][results][data]") {
  const char* data = std::getenv("METSERVE_TEST_DATA");
  if (data == nullptr) {
    WARN("METSERVE_TEST_DATA names no folder: skipped");
    return;
  }
  const TemporaryDirectory directory;
  const auto study = std::filesystem::path(data) / "nema_brtum_enhanced" / "mr";
  const auto link = directory / "reference";
  std::filesystem::create_directory(link);
  std::filesystem::copy_file(study / "BRTUM008", link / "BRTUM008");
  const LoadedSeries reference = load(link);
  REQUIRE(reference.slices.at(0).frame_number.has_value());
  const VolumeGeometry& g = reference.volume.geometry;
  const auto middle = [&](double i, double j, double k) {
    return g.lps_mm({i * static_cast<double>(g.size[0]), j * static_cast<double>(g.size[1]),
                     std::round(k * static_cast<double>(g.size[2]))});
  };
  const std::vector<Sphere> spheres{
      {middle(0.5, 0.5, 0.5), 12}, {middle(0.3, 0.4, 0.3), 8}, {middle(0.7, 0.6, 0.7), 7}};
  const Results results(reference, spheres, directory);
  require_valid_object(results.seg);
  require_valid_object(results.rtstruct);
  require_valid_object(results.report);
  require_readback(link, results, spheres[0]);
}
