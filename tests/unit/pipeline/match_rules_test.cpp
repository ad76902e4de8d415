#include "pipeline/match_rules.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using models::Slot;
using namespace test;

MatchOptions with(std::vector<SiteRule> rules) {
  MatchOptions options;
  options.rules = std::move(rules);
  return options;
}

TEST_CASE("patterns stand for the whole text", "[pipeline][match][rules]") {
  CHECK(fits("*", ""));
  CHECK(fits("t1*km", "T1 mprage sag KM"));
  CHECK(fits("schadel*", "Schädel T1"));
  CHECK(fits("a?c*c", "abcbc"));
  CHECK(fits("*t1*t1*", "t1 x t1"));
  CHECK(fits("t1 ??", "T1 造影"));  // characters, not bytes
  CHECK_FALSE(fits("t1 ???", "T1 造影"));
  CHECK_FALSE(fits("*???", "造影"));
  CHECK_FALSE(fits("t1", "t1 mprage"));
  CHECK_FALSE(fits("*t1*t1*", "x t1 x"));
  CHECK_FALSE(fits("a?c", "ac"));
  CHECK_FALSE(fits("", "x"));
}

TEST_CASE("a rule of the site says what a series is, whatever its headers say", "[pipeline][match][rules]") {
  SeriesHeader header = mprage("planning 7", 3, 100);  // nothing tells of contrast
  CHECK(outcome(match({header}).series[0]) == "ambiguous t1_gre_post");
  const SiteRule rule{"planning*", {}, {}, Slot::t1_gre_post};
  const SeriesMatch m = match({header}, with({rule})).series[0];
  CHECK(outcome(m) == "used t1_gre_post");
  CHECK(m.contrast == Contrast::post);
  CHECK_THAT(m.reasons[0], ContainsSubstring("site rule 1 (description 'planning*') says BRAVO"));

  SECTION("also one whose name or type would rule it out") {
    header.series_description = "planning orbit map";
    CHECK(outcome(match({header}, with({rule})).series[0]) == "used t1_gre_post");
  }
  SECTION("and shows what the headers alone say") {
    header = space_flair("planning 7", 3, 100);
    const SeriesMatch other = match({header}, with({rule})).series[0];
    CHECK(outcome(other) == "used t1_gre_post");
    CHECK_THAT(other.reasons[1], ContainsSubstring("headers alone say otherwise: FLAIR"));
  }
  SECTION("but makes no volume of what is none") {
    header.geometry_problem = "1 slice(s) missing";
    CHECK(outcome(match({header}, with({rule})).series[0]) == "rejected -");
  }
}

TEST_CASE("a rule of the site leaves series out", "[pipeline][match][rules]") {
  const SeriesMatch m =
      match({mprage("research t1 km", 3, 100)}, with({{"*research*", {}, {}, {}}})).series[0];
  CHECK(outcome(m) == "rejected -");
  CHECK_THAT(m.reasons[0], ContainsSubstring("leaves it out"));
}

TEST_CASE("the first rule whose patterns all fit decides", "[pipeline][match][rules]") {
  SeriesHeader header = space("t1", 3, 100);
  header.protocol_name = "mets";
  header.station_name = "MR2";
  const std::vector<SiteRule> rules{
      {"t1", {}, "MR1", Slot::t1_se_pre}, {"t1", "mets*", "mr2", Slot::t1_se_post}, {"*", {}, {}, {}}};
  CHECK(outcome(match({header}, with(rules)).series[0]) == "used t1_se_post");
  header.station_name = "MR1";
  CHECK(outcome(match({header}, with(rules)).series[0]) == "used t1_se_pre");
  header.station_name = "MR3";
  CHECK(outcome(match({header}, with(rules)).series[0]) == "rejected -");
}

TEST_CASE("a series that the site names comes before a later one that fits as well",
          "[pipeline][match][rules]") {
  const StudyMatch m = match({mprage("planning", 3, 100), mprage("t1 km", 9, 900)},
                             with({{"planning", {}, {}, Slot::t1_gre_post}}));
  CHECK(m.filling(Slot::t1_gre_post) == 0U);
}

TEST_CASE("of the parts of a series that the site names the magnitude is used", "[pipeline][match][rules]") {
  std::vector<SeriesHeader> parts(3, mprage("t1_mprage", 3, 100));
  parts[0].image_type = {"ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"};
  parts[1].image_type = {"ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"};
  parts[2].image_type = {"ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"};
  for (int n = 0; n < 3; ++n) {
    const StudyMatch m = match(parts, with({{"*mprage*", {}, {}, Slot::t1_gre_post}}));
    REQUIRE(m.filling(Slot::t1_gre_post));
    CHECK(parts[*m.filling(Slot::t1_gre_post)].image_type[2] == "M_FFE");
    std::rotate(parts.begin(), parts.begin() + 1, parts.end());
  }
}

}  // namespace
}  // namespace metserve::pipeline
