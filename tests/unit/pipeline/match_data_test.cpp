#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"
#include "tests/unit/pipeline/series_table.h"

namespace metserve::pipeline {
namespace {

using namespace test;

std::optional<std::filesystem::path> test_data() {
  const char* path = std::getenv("METSERVE_TEST_DATA");
  if (path != nullptr && std::filesystem::exists(path)) return path;
  WARN("METSERVE_TEST_DATA names no folder: skipped");
  return std::nullopt;
}

TEST_CASE("the enhanced tumour study is matched", "[pipeline][match][data]") {
  const auto data = test_data();
  if (!data) return;
  const dicom::Study study = dicom::scan_study(dicom::list_files(*data / "nema_brtum_enhanced" / "mr"));
  const StudyMatch m = match_study(study, {});
  std::map<std::string, std::string> outcomes;
  for (const SeriesMatch& s : m.series) {
    outcomes[study.series[s.series].instances.at(0).path.filename().string()] = outcome(s);
    CHECK_FALSE(s.reasons.empty());
  }
  CHECK(outcomes == std::map<std::string, std::string>{{"BRTUM001", "rejected -"},
                                                       {"BRTUM003", "used flair"},
                                                       {"BRTUM004", "rejected -"},
                                                       {"BRTUM005", "used t1_se_pre"},
                                                       {"BRTUM008", "used t1_se_post"},
                                                       {"BRTUM009", "rejected -"},
                                                       {"BRTUM010", "rejected -"},
                                                       {"BRTUM014", "rejected -"}});
  REQUIRE(m.reference);
  CHECK(study.series[*m.reference].header.series_number == 8);
}

TEST_CASE("gradient echoes without word of contrast are left to a person", "[pipeline][match][data]") {
  const auto data = test_data();
  if (!data) return;
  const dicom::Study ge = dicom::scan_study(dicom::list_files(*data / "ge_excite_cor_irspgr"));
  CHECK(outcome(match_study(ge, {}).series.at(0)) == "ambiguous t1_gre_post");
  const dicom::Study xa30 = dicom::scan_study(dicom::list_files(*data / "siemens_xa30_enhanced"));
  const StudyMatch m = match_study(xa30, {});
  for (const SeriesMatch& s : m.series) {
    const int number = xa30.series[s.series].header.series_number.value_or(0);
    CHECK(outcome(s) == (number == 5   ? "duplicate t1_gre_post"
                         : number == 6 ? "ambiguous t1_gre_post"
                                       : "rejected -"));
  }
  CHECK(m.subset.none());
  const dicom::Study localizer =
      dicom::scan_study(dicom::list_files(*data / "ge_premier_3plane_localizer_phantom"));
  CHECK(outcome(match_study(localizer, {}).series.at(0)) == "rejected -");
}

/// What the matcher should make of a series that is alone in its study.
bool is_right(const test::TableRow& row, const SeriesMatch& m) {
  if (row.wanted_as == "FLAIR") return outcome(m) == "used flair";
  if (row.wanted_as.starts_with("T1 pre")) return outcome(m) == "used t1_se_pre";
  if (row.wanted_as.starts_with("T1 post (")) return outcome(m) == "used t1_se_post";
  // Gradient echoes of unknown contrast are left open; phase images and fragments of them are refused.
  if (row.wanted_as.starts_with("T1 MPRAGE") || row.wanted_as.starts_with("T1 3D TFE"))
    return outcome(m) == "ambiguous t1_gre_post" || outcome(m) == "rejected -";
  return outcome(m) == "rejected -";
}

TEST_CASE("series headers from many scanners are told apart", "[pipeline][match][data]") {
  const auto data = test_data();
  if (!data) return;
  const auto rows = test::read_series_table(*data / "series_headers.csv");
  REQUIRE(rows.size() > 150);
  int right = 0, open_gradient_echoes = 0, gradient_echoes = 0;
  for (const test::TableRow& row : rows) {
    const SeriesMatch m = match({row.header}).series[0];
    const bool ok = is_right(row, m);
    CAPTURE(row.line, row.header.series_description, row.wanted_as, outcome(m));
    if (!ok && m.decision == Decision::used) CHECK(m.confidence <= 0.8);  // an error, but not a sure one
    if (!ok) WARN("line " << row.line << ": " << outcome(m) << ", wanted " << row.wanted_as);
    right += ok ? 1 : 0;
    gradient_echoes += row.wanted_as.starts_with("T1 MPRAGE") ? 1 : 0;
    open_gradient_echoes += outcome(m) == "ambiguous t1_gre_post" ? 1 : 0;
  }
  CHECK(right >= 0.98 * static_cast<double>(rows.size()));
  CHECK(open_gradient_echoes >= 0.8 * gradient_echoes);
}

}  // namespace
}  // namespace metserve::pipeline
