#include "pipeline/match_contrast.h"

#include "pipeline/match_text.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using models::Slot;
using namespace test;

std::string state(const std::string& description) {
  return std::string(to_string(contrast_of(mr(description, 1, 0)).state));
}

TEST_CASE("words of contrast are read in several languages", "[pipeline][match]") {
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

TEST_CASE("short ways of writing with and without contrast are told apart", "[pipeline][match]") {
  for (const char* text : {"T1 mprage KM-",   "T1 GD-",           "T1 gad- sag",        "T1 k-",
                           "t1_mprage_KM-",   "T1 (KM-)",         "T1 o. KM",           "T1 v. KM",
                           "T1 o.KM",         "T1 u/ kontrast",   "3D T1 S/ CONTRASTE", "3D T1 S/CONTRASTE",
                           "T1 s/ gado",      "T1 z. contrast",   "T1 w/out contrast",  "T1 minus KM",
                           "T1 kein KM",      "T1 contrast-free", "T1 KM-frei",         "T1 avt gado",
                           "T1 não contraste"}) {
    CAPTURE(text);
    CHECK(state(text) == "pre");
  }
  for (const char* text : {"T1 KM+", "T1 GD+", "T1 +KM", "T1 (+KM)", "T1 m. KM", "T1 m/ kontrast", "T1 n. KM",
                           "3D T1 c/ contraste", "T1 c/contraste", "T1 w/ gad", "T1 i.v. KM",
                           "T1 n. i. v. KM", "T1-KM-sag", "T1 - KM", "T1 tra KM"}) {
    CAPTURE(text);
    CHECK(state(text) == "post");
  }
  for (const char* text : {"T1 -KM",
                           "T1 (-KM)",
                           "-GD T1",
                           "T1-KM- sag",
                           "T1 post KM-",
                           "T1 post contrast- sag",
                           "t1_s_km",
                           "T1 S GADO",
                           "T1 ss gado",
                           "T1 av gado",
                           "T1 +/-KM",
                           "T1 +/- KM",
                           "T1 KM+/-",
                           "T1 ± KM",
                           "T1 sans/avec gado",
                           "T1 ohne und mit KM",
                           "T1 m/o KM",
                           "T1 c/s contraste",
                           "T1 v/n KM",
                           "T1 w/ and w/o gad",
                           "pre/post contrast"}) {
    CAPTURE(text);
    CHECK(state(text) == "unknown");
  }
}

TEST_CASE("what may mean without contrast is never post, even where an agent is named", "[pipeline][match]") {
  for (const char* text : {"T1 -KM", "T1 s gado", "T1 +C PRE"}) {
    SeriesHeader header = mprage(text, 3, 100);
    header.contrast_agent = "Gadovist";
    CAPTURE(text);
    CHECK(outcome(match({header}).series[0]) == "ambiguous t1_gre_post");
  }
}

TEST_CASE("pre and post of a treatment are no words of contrast", "[pipeline][match]") {
  for (const char* text :
       {"AX MPRAGE +C PRE RADIOSURGERY", "AX MPRAGE +C PRE CYBERKNIFE", "MPRAGE GD pre cyber knife",
        "T1 KM prä/pre Bestrahlung", "T1 post gd post left frontal resection", "T1 +C POST-RADIOTHERAPY"}) {
    CAPTURE(text);
    CHECK(state(text) == "post");
  }
  for (const char* text : {"Brain post radiosurgery",
                           "T1 pre/post radiosurgery",
                           "T1 post SBRT",
                           "T1 post WBRT",
                           "T1 post gammaknife",
                           "T1 post resection",
                           "T1 post whole brain radiotherapy",
                           "T1 post Bestrahlung",
                           "T1 post radiothérapie",
                           "T1 post radioterapia",
                           "T1 post radiocirugía",
                           "T1 post stereotactische bestraling",
                           "T1 post strålbehandling",
                           "T1 post craniotomy",
                           "T1 post chirurgie",
                           "T1 post operation",
                           "T1 post kirurgi",
                           "T1 post fossa",
                           "T1 pre RT",
                           "T1 pre resektion",
                           "AX MPRAGE +C PRE",
                           "T1 KM PRE THE NEW MACHINE",
                           "T1 pre sag post"}) {
    CAPTURE(text);
    CHECK(state(text) == "unknown");
  }
  CHECK(state("T1 pre") == "pre");
  CHECK(state("T1 SPACE post sag") == "post");
}

TEST_CASE("post speaks of contrast before words of technique only", "[pipeline][match]") {
  for (const char* text :
       {"T1 MPRAGE post PCI", "T1 MPRAGE post lobectomy", "T1 post metastasectomy", "T1 MPRAGE post proton",
        "T1 post SIB", "T1 post ICI", "T1 MPRAGE post cycle 3", "T1 POST SEIZURE", "T1 MPRAGE 2y post",
        "T1 6 months post", "T1 MPRAGE post 3 months", "T1 post pembrolizumab", "T1 post fall",
        "T1 post 3 cycles", "T1 post head injury", "T1 post anesthesia", "T1 post dexa", "T1 6mo post",
        "T1 MPRAGE post perf"}) {
    CAPTURE(text);
    CHECK(state(text) == "unknown");
  }
  for (const char* text :
       {"T1 post 3D", "T1 post ax", "T1 POST FS", "T1 3D POST", "T1 1mm post", "post sag t1 mprage",
        "T1 post 1mm iso", "T1 post c", "T1 post inj", "T1 post i.v. contrast", "T1 MPRAGE post 2",
        "T1 post gd post cycle 3", "AX T1 POST STEALTH", "T1_POST_BRAIN", "6 months post T1 post gad"}) {
    CAPTURE(text);
    CHECK(state(text) == "post");
  }
}

TEST_CASE("words about a treatment make no agent that of the whole examination", "[pipeline][match]") {
  std::vector<SeriesHeader> headers{mprage("AX MPRAGE +C PRE RADIOSURGERY", 3, 100),
                                    space("SAG SPACE +C", 4, 400)};
  for (SeriesHeader& header : headers) header.contrast_agent = "Gadovist";
  SECTION("known as such") {
    CHECK(outcome(match(headers).series[0]) == "used t1_gre_post");
  }
  SECTION("or unknown") {
    headers[0].series_description = "AX MPRAGE +C PRE MACHINE";
    CHECK(outcome(match(headers).series[0]) == "ambiguous t1_gre_post");
  }
  CHECK(outcome(match(headers).series[1]) == "used t1_se_post");
  CHECK(match(headers).series[1].confidence > 0.9);
}

TEST_CASE("the protocol's name speaks where the description is silent", "[pipeline][match]") {
  const auto outcome_of = [](const std::string& description, const std::string& protocol) {
    SeriesHeader header = space(description, 3, 100);
    header.protocol_name = protocol;
    return outcome(match({header}).series[0]);
  };
  CHECK(outcome_of("3D T1 SPACE", "Brain post radiosurgery") == "ambiguous -");
  CHECK(outcome_of("3D T1 SPACE", "T1 SPACE KM") == "used t1_se_post");
  CHECK(outcome_of("3D T1 SPACE PRE", "Brain +C") == "used t1_se_pre");
  CHECK(outcome_of("3D T1 SPACE +C", "Brain w wo contrast") == "used t1_se_post");
  CHECK(outcome_of("3D T1 SPACE KM", "T1 SPACE nativ") == "ambiguous -");
}

TEST_CASE("attributes of contrast are read, and nothing filled in means nothing", "[pipeline][match]") {
  SeriesHeader header = mr("t1", 1, 0);
  CHECK(contrast_of(header).state == Contrast::unknown);
  for (const char* none :
       {"NONE", "no", "0", "N/A", "No contrast agent", "non", "None given", "ohne KM", "sans produit",
        "sin contraste", "sem contraste", "w/o", "without", "uden kontrast", "kein", "-"}) {
    CAPTURE(none);
    header.contrast_agent = none;
    header.contrast_route = "IV";
    CHECK(contrast_of(header).state == Contrast::unknown);
  }
  header.contrast_agent.clear();
  for (const char* none : {"0", "0.00", "0.000000", " 0,0 ml", "0.0E+00", "-1"}) {
    CAPTURE(none);
    header.contrast_volume = none;
    CHECK(contrast_of(header).state == Contrast::unknown);
  }
  for (const char* some : {"7.5", "0.1", "0,1 ml"}) {
    CAPTURE(some);
    header.contrast_volume = some;
    CHECK(contrast_of(header).state == Contrast::post);
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
    SeriesHeader flair = space_flair("flair", 2, 900);
    flair.contrast_start_time_s = 700;
    const std::vector<SeriesHeader> others{space("t1", 3, 600), mprage("t1 mprage", 4, 800)};
    const auto decide = [&] { return match({flair, others[0], others[1]}); };
    flair.contrast_agent = "Gadovist";
    CHECK(outcome(decide().series[1]) == "used t1_se_pre");
    CHECK(outcome(decide().series[2]) == "used t1_gre_post");
    // Without an agent, or at midnight to the second, nobody entered it.
    flair.contrast_start_time_s = 0;
    CHECK(outcome(decide().series[2]) == "rejected -");
    flair.contrast_agent = "NONE";
    CHECK(outcome(decide().series[2]) == "ambiguous t1_gre_post");
    flair.contrast_start_time_s = 700;
    CHECK(outcome(decide().series[2]) == "ambiguous t1_gre_post");
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

TEST_CASE("an agent that a series names was not given before its bolus", "[pipeline][match]") {
  constexpr double bolus_s = 33900;
  const auto after_bolus = [&](const std::string& description, double seconds) {
    SeriesHeader header = space(description, 3, bolus_s + seconds);
    header.contrast_agent = "Gadavist";
    header.contrast_start_time_s = bolus_s;
    return outcome(match({header}).series[0]);
  };
  CHECK(after_bolus("T1 CUBE", -900) == "used t1_se_pre");
  CHECK(after_bolus("T1 CUBE PRE", -900) == "used t1_se_pre");
  CHECK(after_bolus("T1 CUBE", 300) == "used t1_se_post");
  // What contradicts it, or cannot be compared, is left open.
  CHECK(after_bolus("T1 CUBE +C", -900) == "ambiguous -");
  CHECK(after_bolus("T1 CUBE", 0) == "ambiguous -");
  CHECK(after_bolus("T1 CUBE", -8 * 3600) == "ambiguous -");
  CHECK(after_bolus("T1 CUBE", 86400 + 300) == "ambiguous -");
  CHECK(after_bolus("T1 CUBE +C", 0) == "used t1_se_post");
}

TEST_CASE("an agent that came before the examination began is that of all of it", "[pipeline][match]") {
  std::vector<SeriesHeader> headers{mprage("AX BRAVO", 3, 100), space("T1 CUBE +C", 4, 900)};
  const auto with_agent = [](SeriesHeader header) {
    header.contrast_agent = "Gadavist";
    return header;
  };
  for (SeriesHeader& header : headers) header = with_agent(header);
  CHECK(outcome(match(headers).series[0]) == "used t1_gre_post");
  SeriesHeader localizer = mr("3-pl Loc", 1, 10), t2 = mr("AX T2", 2, 50);
  t2.te_ms = 100;
  t2.tr_ms = 4500;
  SECTION("every localizer names it") {
    headers.push_back(with_agent(localizer));
  }
  SECTION("one of the localizers does not") {
    headers.push_back(localizer);
    headers.push_back(with_agent(localizer));
    CHECK(outcome(match(headers).series[0]) == "used t1_gre_post");
    return;
  }
  SECTION("every series names it, T2-weighted ones too") {
    headers.push_back(with_agent(t2));
  }
  const StudyMatch m = match(headers);
  CHECK(outcome(m.series[0]) == "ambiguous t1_gre_post");
  CHECK(outcome(m.series[1]) == "used t1_se_post");
}

TEST_CASE("words are whole words", "[pipeline][match]") {
  CHECK_FALSE(Words("t1_space").any("pace"));
  CHECK_FALSE(Words("t1ce").any("t1"));
  CHECK(Words("FLÜSSIG Après").phrase("flussig apres"));
  CHECK(Words("").empty());
}

TEST_CASE("words keep what touches them", "[pipeline][match]") {
  const auto last = [](const std::string& text) { return Words(text).list().back().mark; };
  for (const char* plus : {"T1 +C", "T1 C+", "T1+C", "C+"}) CHECK(last(plus) == Mark::plus);
  for (const char* minus : {"T1 C-", "C- ", "t1_C-_", "(C-)"}) CHECK(last(minus) == Mark::minus);
  for (const char* dash : {"-C", "T1 -C", "T1-C-"}) CHECK(last(dash) == Mark::dash);
  for (const char* point : {"T1 o.", "T1 o/"}) CHECK(last(point) == Mark::point);
  for (const char* none : {"T1 C", "T1-C", "T1 - C", "T1_C"}) CHECK(last(none) == Mark::none);
}

}  // namespace
}  // namespace metserve::pipeline
