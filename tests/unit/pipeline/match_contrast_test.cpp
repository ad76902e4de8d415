#include "pipeline/match_contrast.h"

#include "pipeline/match_text.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using namespace test;

TEST_CASE("words of contrast are read in several languages", "[pipeline][match]") {
  const auto state = [](const std::string& text) {
    return std::string(to_string(contrast_of(mr(text, 1, 0)).state));
  };
  for (const char* text : {"T1 MPRAGE +C",
                           "t1_mprage_sag_KM",
                           "SAG T1 C+",
                           "T1 post gd",
                           "AX BRAVO POST",
                           "T1 Gado",
                           "T1+GD",
                           "3D T1 après gado",
                           "T1 con contraste",
                           "t1 spc MDC",
                           "t1_tse_tra+KM",
                           "T1 CE",
                           "t1ce",
                           "T1 Dotarem",
                           "T1 post-contrast",
                           "T1 +k",
                           "post contrast pre op",
                           "T1 com contraste",
                           "T1 após gadolínio",
                           "T1 med kontrast",
                           "T1 efter gd",
                           "T1 met contrast",
                           "T1 na gadolinium",
                           "T1 injecté",
                           "T1 varjoaine",
                           "T1 m kontrastvätska",
                           "T1 dopo mdc"}) {
    CAPTURE(text);
    CHECK(state(text) == "post");
  }
  for (const char* text :
       {"T1 pre gd",        "T1 without contrast", "SAG T1 W/O",         "t1 nativ",
        "T1 ohne KM",       "T1 sans gado",        "T1 utan kontrast",   "T1 uten kontrast",
        "non-contrast T1",  "T1 sin contraste",    "T1 senza mdc",       "T1 Pre-Contrast",
        "T1 C- sag",        "T1 avant injection",  "T1 zonder contrast", "T1 sem contraste",
        "T1 före kontrast", "T1 før kontrast",     "T1 før gd",          "T1 ilman varjoainetta",
        "T1 natiivi",       "T1 uden kontrast",    "T1 basale",          "T1 non injecté",
        "T1 SEM GADOLÍNIO"}) {
    CAPTURE(text);
    CHECK(state(text) == "pre");
  }
  for (const char* text : {"t1_space_sag", "alternative t1", "T1 posterior fossa", "T1 w wo contrast",
                           "MPRAGE post op", "T1 pre SRS", "t1 c spine", "T1 for kontrast", "T1 ohne FS",
                           "prescan normalize", "T1 MPRAGE preop"}) {
    CAPTURE(text);
    CHECK(state(text) == "unknown");
  }
}

TEST_CASE("attributes of contrast are read, and nothing filled in means nothing", "[pipeline][match]") {
  SeriesHeader header = mr("t1", 1, 0);
  CHECK(contrast_of(header).state == Contrast::unknown);
  for (const char* none : {"NONE", "no", "0", "N/A"}) {
    header.contrast_agent = none;
    CHECK(contrast_of(header).state == Contrast::unknown);
  }
  header.contrast_agent = "11 ml Omniscan";
  CHECK(contrast_of(header).state == Contrast::post);
  header.series_description = "t1 pre gd";
  CHECK(contrast_of(header).state == Contrast::unknown);
  header.contrast_agent.clear();
  header.contrast_administered = "YES";
  header.series_description = "t1";
  CHECK(contrast_of(header).state == Contrast::post);
  header.contrast_phase = "PRE_CONTRAST";
  CHECK(contrast_of(header).state == Contrast::pre);
}

TEST_CASE("the order of events settles what a series does not say", "[pipeline][match]") {
  SECTION("before the first series that names an agent") {
    SeriesHeader post = space("SAG T1 CUBE", 9, 900);
    post.contrast_agent = "Gadavist";
    const StudyMatch m = match({space("SAG T1 CUBE", 3, 100), post});
    CHECK(outcome(m.series[0]) == "used t1_se_pre");
    CHECK(outcome(m.series[1]) == "used t1_se_post");
  }
  SECTION("the same protocol run again with other words") {
    const StudyMatch m = match({space("SAG T1 CUBE", 3, 100), space("SAG T1 CUBE +C", 9, 900)});
    CHECK(outcome(m.series[0]) == "used t1_se_pre");
  }
  SECTION("after a series that is post contrast") {
    const StudyMatch m = match({space("SAG T1 CUBE +C", 3, 900), mprage("AX BRAVO", 9, 1200)});
    CHECK(outcome(m.series[1]) == "used t1_gre_post");
  }
  SECTION("the bolus") {
    SeriesHeader flair = space_flair("flair", 2, 500);
    flair.contrast_start_time_s = 700;
    const StudyMatch m = match({flair, space("t1", 3, 600), mprage("t1 mprage", 4, 800)});
    CHECK(outcome(m.series[1]) == "used t1_se_pre");
    CHECK(outcome(m.series[2]) == "used t1_gre_post");
  }
  SECTION("an agent that was entered for the whole examination") {
    std::vector<SeriesHeader> headers{space("T1 CUBE PRE", 3, 100), mprage("BRAVO", 4, 200),
                                      space("T1 CUBE POST", 8, 900)};
    for (SeriesHeader& header : headers) header.contrast_agent = "Gadavist";
    const StudyMatch m = match(headers);
    CHECK(outcome(m.series[0]) == "used t1_se_pre");
    CHECK(outcome(m.series[1]) == "ambiguous t1_gre_post");
    CHECK(outcome(m.series[2]) == "used t1_se_post");
  }
  SECTION("two repeats of which nothing is known stay open") {
    const StudyMatch m = match({mprage("t1", 3, 100), mprage("t1", 4, 400)});
    CHECK(outcome(m.series[0]) == "duplicate t1_gre_post");
    CHECK(outcome(m.series[1]) == "ambiguous t1_gre_post");
  }
}

TEST_CASE("words are whole words", "[pipeline][match]") {
  CHECK_FALSE(Words("t1_space").any("pace"));
  CHECK_FALSE(Words("t1ce").any("t1"));
  CHECK(Words("Schädel-T1 +C").any("+c"));
  CHECK(Words("FLÜSSIG Après").phrase("flussig apres"));
  CHECK(Words("T1 C+").any("c+"));
  CHECK(Words("").empty());
}

}  // namespace
}  // namespace metserve::pipeline
