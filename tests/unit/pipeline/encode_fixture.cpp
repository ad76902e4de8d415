#include "tests/unit/pipeline/encode_fixture.h"

#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/unit/pipeline/phantom.h"
#include "tests/unit/pipeline/study_fixture.h"

namespace metserve::pipeline::test {

using models::Slot;

StudyResult result_with_lesions(const TemporaryDirectory& directory, bool lesions) {
  const auto study = scanned(phantom_study({{Slot::t1_gre_post, {}}}), directory / "study");
  StudyResult result;
  result.reference = dicom::load_series(study.series.at(0));
  result.subset.set(models::index(Slot::t1_gre_post));
  result.registrations.push_back({Slot::t1_gre_post, {}});
  result.sequences_used = {"BRAVO: series 5 'AX BRAVO +C', reference"};
  result.sequences_left_out = {"FLAIR: not in the study"};
  result.series_used = {result.reference.header.series_instance_uid};
  result.warnings = {"BRAVO: slices lie 5.0 mm apart; small lesions can be missed"};
  result.rule.threshold = 0.5;
  result.model.name = "random";
  result.model.version = "0";
  result.model.weights_sha256 = std::string(64, 'a');
  dicom::Volume probability{result.reference.volume.geometry, {}};
  probability.voxels.assign(probability.geometry.voxel_count(), 0.0F);
  const std::vector<double> radius{9, 6, 4};
  for (std::size_t v = 0; lesions && v < probability.voxels.size(); ++v) {
    const dicom::Vec3 at = probability.geometry.centre_lps_mm(v);
    for (std::size_t n = 0; n < places.size(); ++n)
      if (std::hypot(at[0] - places[n][0], at[1] - places[n][1], at[2] - places[n][2]) <= radius[n])
        probability.voxels[v] = 0.9F;
  }
  result.lesions = find_lesions(probability, {});
  take_probabilities(result.lesions, probability.voxels);
  return result;
}

EncodeOptions options_at(std::chrono::system_clock::time_point time) {
  EncodeOptions options;
  options.clock = [time] { return time; };
  return options;
}

nlohmann::ordered_json read_json(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return nlohmann::ordered_json::parse(stream);
}

std::string uid_of(const std::filesystem::path& file) {
  return dicom::scan_study({file}).series.at(0).instances.at(0).sop_instance_uid;
}

}  // namespace metserve::pipeline::test
