#include "server/study_job.h"

#include <atomic>
#include <fstream>
#include <iterator>

#include "dicom/runtime.h"
#include "server/canary.h"
#include "server/hash.h"
#include "tests/catch.h"
#include "tests/unit/server/service_fixture.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve;
using namespace metserve::server;

TEST_CASE("The canary trusts a network that gives probabilities", "[server][job]") {
  const ServiceFixture f;
  const models::Segmenter segmenter(models::ModelPackage::load(*f.config.model.directory), "cpu");
  CHECK_NOTHROW(run_canary(segmenter));
}

namespace {

/// One claimed study of the store fixture with real images behind it.
struct JobFixture : StoreFixture {
  ServiceFixture service;
  dicom::Runtime runtime;
  Storage storage{service.config.storage.directory, 0};
  Metrics metrics{"random", "0"};
  models::Segmenter segmenter{models::ModelPackage::load(*service.config.model.directory), "cpu"};
  JobContext context{*store, storage, metrics, service.log, service.config, [this] { return now; }};

  std::vector<std::filesystem::path> write(models::Slot slot) const {
    return write_one_sequence_study(slot, directory.path() / "study");
  }
  Claim claim(const std::vector<std::filesystem::path>& images) {
    for (const auto& image : images) {
      std::ifstream stream(image, std::ios::binary);
      const std::vector<char> bytes(std::istreambuf_iterator<char>(stream), {});
      InstanceRecord record = instance("1.2", image.filename());
      record.file = image;
      record.digest = content_digest(
          dataset_bytes(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())));
      store->add_instances(std::span(&record, 1));
    }
    store->make_quiet_studies_ready(std::chrono::milliseconds(0));
    return store->claim("here", one_minute).value();
  }
  void run(const Claim& claim) {
    const auto cancel = [] { return false; };
    run_job(claim, segmenter, context, cancel);
  }
};

}  // namespace

TEST_CASE("A job that is interrupted hands its study back without counting a try", "[server][job]") {
  JobFixture f;
  const auto cancel = [] { return true; };
  CHECK((run_job(f.claim(f.write(models::Slot::t1_gre_post)), f.segmenter, f.context, cancel) ==
         JobEnd::settled));
  CHECK(f.state("1.2") == StudyState::ready);
  CHECK(f.store->claim("here", one_minute).value().tries == 1);
}

TEST_CASE("A job is interrupted before it has read all its images", "[server][job]") {
  JobFixture f;
  const auto cancel = [] { return true; };
  run_job(f.claim_new_study("1.2"), f.segmenter, f.context, cancel);  // its images are nowhere
  CHECK(f.store->claim("here", one_minute).value().tries == 1);
}

TEST_CASE("A job whose images are gone is tried again and then set aside", "[server][job]") {
  JobFixture f;
  const auto cancel = [] { return false; };
  run_job(f.claim_new_study("1.2"), f.segmenter, f.context, cancel);
  CHECK(f.state("1.2") == StudyState::ready);
  f.now += one_minute;
  run_job(f.store->claim("here", one_minute).value(), f.segmenter, f.context, cancel);
  const StudySummary study = f.store->study(study_key("1.2")).value().summary;
  CHECK(study.state == StudyState::failed);
  CHECK_THAT(study.reason, Catch::Contains("a stored image is gone"));
}

TEST_CASE("A job one of whose images was damaged on the disk makes no smaller result", "[server][job]") {
  JobFixture f;
  const auto images = f.write(models::Slot::t1_gre_post);
  const Claim claim = f.claim(images);
  SECTION("it is cut off") {
    std::filesystem::resize_file(images[7], std::filesystem::file_size(images[7]) / 4);
  }
  SECTION("a pixel is another") {
    std::fstream file(images[7], std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-9, std::ios::end).put(char(0x55));
  }
  f.run(claim);
  CHECK(f.state("1.2") == StudyState::ready);
  f.now += one_minute;
  f.run(f.store->claim("here", one_minute).value());
  const StudyDetails study = f.store->study(study_key("1.2")).value();
  CHECK(study.summary.state == StudyState::failed);
  CHECK_THAT(study.summary.reason,
             Catch::Contains(images[7].string() + ": a stored image is damaged; look after the disk"));
  CHECK(study.results.empty());
}

TEST_CASE("A job leaves out an image that the sender sent broken", "[server][job]") {
  JobFixture f;
  const auto images = f.write(models::Slot::t1_gre_post);
  std::filesystem::resize_file(images.back(), 600);
  f.run(f.claim(images));
  INFO(f.service.logged());
  CHECK(f.state("1.2") == StudyState::done);
  CHECK_THAT(f.service.logged(), Catch::Contains("left out: " + images.back().filename().string()));
}

TEST_CASE("A result without lesions says that those of an earlier one hold no longer", "[server][job]") {
  JobFixture f;
  DestinationConfig pacs;
  pacs.name = "pacs";
  f.service.config.destinations = {pacs};
  auto& rule = f.service.config.model.rule;
  rule.threshold = rule.minimum_peak = 0.001;  // something is found by any network
  f.run(f.claim(f.write(models::Slot::t1_gre_post)));
  INFO(f.service.logged());
  const auto sent = f.store->claim_deliveries("pacs", "here", one_minute).value();
  REQUIRE(sent.items.size() == 3);
  for (const auto& item : sent.items) f.store->record_delivered(sent, item, "");
  rule.threshold = 0.999, rule.minimum_peak = 1;
  for (int i = 0; i < 2; ++i) {  // the same again says the same
    f.store->retry_study(study_key("1.2"));
    f.run(f.store->claim("here", one_minute).value());
    const auto report = f.store->claim_deliveries("pacs", "here", one_minute).value();
    REQUIRE(report.items.size() == 1);
    const auto folder = (f.storage.directory() / report.items[0].file).parent_path();
    std::ifstream json(folder / "lesions.json");
    CHECK_THAT(std::string(std::istreambuf_iterator<char>(json), {}), Catch::Contains("hold no longer"));
    f.store->record_delivered(report, report.items[0], "");
  }
}

TEST_CASE("A job that lost its lease leaves the study to whoever has it", "[server][job]") {
  JobFixture f;
  const Claim lost = f.claim(f.write(models::Slot::flair));
  f.now += one_minute;
  f.store->reclaim_expired(2, {});
  const Claim taken = f.store->claim("there", one_minute).value();
  const auto cancel = [] { return false; };
  run_job(lost, f.segmenter, f.context, cancel);
  CHECK(f.state("1.2") == StudyState::running);
  CHECK_NOTHROW(f.store->renew(taken, one_minute));
  CHECK(f.metrics.text({}).find("metserve_jobs_total{outcome=\"lease lost\"} 1") != std::string::npos);
}
