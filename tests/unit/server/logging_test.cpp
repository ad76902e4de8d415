#include "server/logging.h"

#include <fstream>

#include <nlohmann/json.hpp>

#include "server/error.h"
#include "server/metrics.h"
#include "server/progress.h"
#include "server/times.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

using namespace metserve::server;
using metserve::TemporaryDirectory;

namespace {

std::vector<std::string> lines_of(LogLevel level, LogFormat format,
                                  const std::function<void(const Log&)>& write) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log";
  write(Log({level, format, file}));
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("A JSON line has time, level, message and the study's key", "[server][log]") {
  const auto lines = lines_of(LogLevel::info, LogFormat::json, [](const Log& log) {
    log.debug("not shown");
    log.warning("a \"quoted\"\nmessage \xff", "abc");
    log.info("about no study");
  });
  REQUIRE(lines.size() == 2);
  const auto first = nlohmann::json::parse(lines[0]);
  CHECK(first["level"] == "warning");
  CHECK(first["study"] == "abc");
  CHECK(first["message"].get<std::string>().starts_with("a \"quoted\" message "));
  CHECK(first["time"].get<std::string>().size() == 24);
  CHECK_FALSE(nlohmann::json::parse(lines[1]).contains("study"));
}

TEST_CASE("A text line stays one line whatever a peer sent", "[server][log]") {
  const auto lines = lines_of(LogLevel::info, LogFormat::text,
                              [](const Log& log) { log.info("from {}EVIL\r\nerror forged {0}", "abc"); });
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with(" info study=abc from {}EVIL  error forged {0}"));
}

TEST_CASE("A log file that cannot be written is named", "[server][log]") {
  CHECK_THROWS_WITH(Log({LogLevel::info, LogFormat::text, "/proc/nowhere/log"}),
                    Catch::Contains("/proc/nowhere/log: the log cannot be written"));
}

TEST_CASE("Metrics show what was counted and what is now", "[server][metrics]") {
  Metrics metrics("bundled", "1.0");
  metrics.image(AddOutcome::added);
  metrics.commit(3, std::chrono::milliseconds(4));
  metrics.stage("infer", 12);
  metrics.job("recorded");
  metrics.delivery("pacs", "delivered");
  MetricsSnapshot now;
  now.dicom.associations_accepted = 5;
  now.counts.studies[StudyState::held] = 2;
  now.free_bytes = 1000;
  now.workers = 1;
  CHECK(metrics.text(now).find("metserve_certificate_expiry_seconds") == std::string::npos);
  now.expiries["certificate"] = std::chrono::seconds(-5);
  const std::string text = metrics.text(now);
  for (const char* line :
       {"metserve_images_total{outcome=\"added\"} 1\n", "metserve_commit_images_sum 3\n",
        "metserve_stage_seconds_count{stage=\"infer\"} 1\n", "metserve_jobs_total{outcome=\"recorded\"} 1\n",
        "metserve_associations_total{outcome=\"accepted\"} 5\n", "metserve_studies{state=\"held\"} 2\n",
        "metserve_studies{state=\"ready\"} 0\n", "metserve_workers{state=\"all\"} 1\n", "model=\"bundled\"",
        "metserve_disk_free_bytes 1000\n", "metserve_certificate_expiry_seconds{of=\"certificate\"} -5\n"}) {
    INFO(text);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("Progress tells the share done and the time left once it can", "[server][progress]") {
  using std::chrono::seconds;
  CHECK(progress_line("load", 0, seconds(3)) == "load  0 %");
  CHECK(progress_line("infer", 0.5, seconds(63)) == "infer  50 %  1 min 03 s left");
  CHECK(progress_line("infer", 1.5, seconds(63)) == "infer  100 %  0 s left");
  CHECK(in_words(seconds(7260)) == "2 h 01 min");
}
