#include "models/study_sets.h"

#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/temporary_directory.h"
#include "tests/unit/models/toy_study.h"

using namespace metserve::models;
using Catch::Matchers::Contains;
using metserve::TemporaryDirectory;

namespace {

/// Patients 10, 11, ... with two studies each; those of the last `healthy` have no lesions.
std::vector<Study> two_studies_each(int patients, int healthy) {
  std::vector<Study> studies;
  for (int i = 0; i < 2 * patients; ++i) {
    studies.push_back(toy_study(i, i / 2 < patients - healthy ? 1 : 0));
    studies.back().patient = std::to_string(10 + i / 2);
  }
  return studies;
}

std::vector<std::string> patients_of(const std::vector<Study>& studies) {
  std::vector<std::string> patients;
  for (const Study& study : studies) patients.push_back(study.patient);
  return patients;
}

}  // namespace

TEST_CASE("Every eighth patient with lesions and every eighth without is kept for validation", "[study]") {
  const StudySets sets = split_by_patient(two_studies_each(24, 8));
  CHECK(patients_of(sets.validation) == std::vector<std::string>{"17", "17", "25", "25", "33", "33"});
  CHECK(sets.training.size() == 42);
  CHECK(describe(sets) == "42 studies to train on, 6 to validate on\n");
}

TEST_CASE("Of few patients the last with lesions is kept, and two are needed", "[study]") {
  const StudySets sets = split_by_patient(two_studies_each(4, 1));
  CHECK(patients_of(sets.validation) == std::vector<std::string>{"12", "12"});
  CHECK_THROWS_WITH(split_by_patient(two_studies_each(4, 3)), Contains("1 patients with lesions"));
}

TEST_CASE("A study that names no patient is its own", "[study]") {
  const StudySets sets = split_by_patient({toy_study(0), toy_study(1)});
  REQUIRE(sets.validation.size() == 1);
  CHECK(sets.validation[0].name == "toy 1");
}

TEST_CASE("Sets are read from folders, one of them split where the other is not given", "[study]") {
  const TemporaryDirectory directory;
  for (int i = 0; i < 2; ++i)
    write_study(toy_study(i), {}, directory / ("a" + std::to_string(i) + ".safetensors"));
  const StudySets split = read_study_sets(directory.path(), {}, {});
  CHECK(split.training.size() == 1);
  CHECK(split.validation.size() == 1);
  StudySets both = read_study_sets(directory.path(), directory.path(), {});
  CHECK(both.training.size() == 2);
  CHECK(both.validation.size() == 2);
  both.training[1].patient = both.validation[0].patient = "Smith";
  CHECK_THAT(describe(both), Contains("Smith is trained on and validated on"));
  both.training[1].patient.clear();
  CHECK(describe(both) == "2 studies to train on, 2 to validate on\n");
  both.training[1].origin = both.validation[1].origin = "{}";
  CHECK_THAT(describe(both), Contains("toy 1 is trained on"));
  std::filesystem::remove(directory / "a1.safetensors");
  CHECK_THROWS_WITH(read_study_sets(directory.path(), {}, {}), Contains(directory.path().string()));
}
