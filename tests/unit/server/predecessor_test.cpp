#include "server/predecessor.h"

#include "server/config.h"
#include "tests/catch.h"
#include "tests/unit/server/service_fixture.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;

namespace {

/// A patient with a new lesion, and an earlier study of which there is what a test leaves.
struct PatientFixture : StoreFixture {
  Config config;
  LogConfig log_config{LogLevel::debug, LogFormat::text, directory.path() / "log"};
  Log log{log_config};
  Metrics metrics{"model", "1"};
  Storage storage{directory.path() / "storage", 0};
  pipeline::StudyResult result;

  PatientFixture() {
    result.reference.first_file =
        write_one_sequence_study(models::Slot::t1_gre_post, directory.path() / "study").front();
    result.lesions.lesions.resize(1);
    const Claim earlier = claim_new_study("1.1");
    const auto study = dicom::study_of_patient(result.reference.first_file);
    store->record_patient(earlier, {patient_key(study), "19991231"});
    left = storage.make_result_directory(earlier.key, earlier.revision);
    store->finish(earlier, left, {});
  }
  void leave(const std::string& lesions_json) {
    std::ofstream(storage.directory() / left / "lesions.json") << lesions_json;
  }
  std::string logged() const {
    std::ifstream file(directory.path() / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void compare() {
    const JobContext context{*store, storage, metrics, log, config, [this] { return now; }};
    compare_with_predecessor(result, claim_new_study("1.2"), context);
  }

 private:
  std::filesystem::path left;
};

}  // namespace

TEST_CASE("An earlier study whose result lists no lesion makes every lesion a new one",
          "[server][predecessor]") {
  PatientFixture f;
  f.leave(R"({"lesions": [], "warnings": []})");
  f.compare();
  REQUIRE(f.result.follow_up);
  CHECK(f.result.follow_up->how == "compared with the study of 19991231, in which no lesion was found");
  CHECK(f.result.lesions.lesions[0].history->change == "new");
  CHECK(f.result.warnings.empty());
}

TEST_CASE("Who has no ID or no birth date is taken for nobody else", "[server][predecessor]") {
  CHECK_FALSE(patient_key({"4711", "", "19600101", "20250102", ""}).empty());
  CHECK(patient_key({"", "", "19600101", "20250102", ""}).empty());
  CHECK(patient_key({"ANON", "", "", "20250102", ""}).empty());
}

TEST_CASE("An earlier study whose segmentation is gone is not taken for one without lesions",
          "[server][predecessor]") {
  PatientFixture f;
  SECTION("its result lists a lesion") {
    f.leave(R"({"lesions": [{"id": 1}]})");
  }
  SECTION("its result is cut off") {
    f.leave(R"({"lesions": [])");
  }
  SECTION("its result says nothing of lesions") {
    f.leave("[]");
  }
  SECTION("nothing is left of its result") {}
  f.compare();
  CHECK_FALSE(f.result.follow_up);
  CHECK_FALSE(f.result.lesions.lesions[0].history);
  CHECK(f.result.warnings ==
        std::vector<std::string>{"not compared with the study of 19991231: what it left cannot be used"});
}

TEST_CASE("An earlier study is not compared by images that the disk has lost", "[server][predecessor]") {
  PatientFixture f;
  f.leave(R"({"lesions": [{"id": 1}]})");
  f.compare();
  CHECK_FALSE(f.result.follow_up);
  CHECK(f.result.warnings.size() == 1);
  CHECK_THAT(f.logged(), Catch::Contains("not compared with study " + study_key("1.1")) &&
                             Catch::Contains(": a stored image is gone"));
}
