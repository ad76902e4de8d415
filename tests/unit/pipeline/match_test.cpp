#include "pipeline/match.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include "pipeline/match_contrast.h"
#include "pipeline/match_kind.h"
#include "pipeline/match_text.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/series_table.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using models::Slot;

SeriesHeader mr(const std::string& description, int number, double time_s) {
  SeriesHeader header;
  header.modality = "MR";
  header.manufacturer = "SIEMENS";
  header.series_description = description;
  header.series_instance_uid = "2.25." + std::to_string(number);
  header.series_number = number;
  header.acquisition_time_s = time_s;
  header.image_type = {"ORIGINAL", "PRIMARY", "M", "ND", "NORM"};
  header.acquisition_type = "3D";
  header.plane = "SAG";
  header.slice_spacing_mm = 1;
  header.images = 176;
  header.has_pixels = true;
  return header;
}

SeriesHeader mprage(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"IR", "GR"};
  header.sequence_variant = {"OSP", "SP", "MP"};
  header.sequence_name = "*tfl3d1_16ns";
  header.tr_ms = 2000;
  header.te_ms = 2.5;
  header.ti_ms = 900;
  header.flip_deg = 8;
  return header;
}

SeriesHeader space(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"SE"};
  header.sequence_variant = {"SK", "SP"};
  header.sequence_name = "*spc_242ns";
  header.tr_ms = 600;
  header.te_ms = 11;
  return header;
}

SeriesHeader space_flair(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"SE", "IR"};
  header.sequence_name = "*spcir_278ns";
  header.tr_ms = 5000;
  header.te_ms = 390;
  header.ti_ms = 1800;
  return header;
}

SeriesHeader t1_se_2d(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"SE"};
  header.sequence_name = "*se2d1";
  header.acquisition_type = "2D";
  header.plane = "AX";
  header.images = 28;
  header.slice_spacing_mm = 5.5;
  header.tr_ms = 500;
  header.te_ms = 9;
  return header;
}

StudyMatch match(const std::vector<SeriesHeader>& headers, const MatchOptions& options = {}) {
  dicom::Study study;
  study.study_instance_uid = "2.25.1";
  for (const SeriesHeader& header : headers) study.series.push_back({header, {}, {}});
  return match_study(study, options);
}

std::string outcome(const SeriesMatch& m) {
  return std::string(to_string(m.decision)) + " " + (m.slot ? std::string(models::id(*m.slot)) : "-");
}

TEST_CASE("a complete Siemens study fills all four slots", "[pipeline][match]") {
  const StudyMatch m =
      match({space("t1_space_sag_iso nativ", 3, 100), space_flair("t2_spc_da-fl_sag", 4, 200),
             mprage("t1_mprage_sag_iso_KM", 7, 900), space("t1_space_sag_iso KM", 8, 1200)});
  CHECK(m.subset.all());
  CHECK(m.filling(Slot::t1_gre_post) == 2U);
  CHECK(m.filling(Slot::t1_se_pre) == 0U);
  CHECK(m.filling(Slot::t1_se_post) == 3U);
  CHECK(m.filling(Slot::flair) == 1U);
  CHECK(m.reference == 2U);
}

TEST_CASE("what a person decided holds against what the series look like", "[pipeline][match]") {
  const std::vector<SeriesHeader> headers{mprage("t1_mprage_sag_iso_KM", 7, 900),
                                          mprage("t1_mprage_sag_iso_KM", 8, 1000),
                                          space("t1_space_sag_iso KM", 9, 1200), mr("localizer", 1, 10)};
  REQUIRE(match(headers).filling(Slot::t1_gre_post) == 1U);
  MatchOptions options;
  SECTION("a series for a slot") {
    options.decided = {{"2.25.1", Slot::t1_gre_post}, {"2.25.99", Slot::flair}};
    const StudyMatch m = match(headers, options);
    CHECK(m.filling(Slot::t1_gre_post) == 3U);
    CHECK(m.reference == 3U);
    CHECK(m.series[3].reasons.front() == "a person chose it for its slot");
    CHECK(outcome(m.series[0]) == "rejected -");
    CHECK(m.series[0].reasons.front() == "a person chose another series for its slot");
    CHECK(m.filling(Slot::t1_se_post) == 2U);
    CHECK_FALSE(m.filling(Slot::flair));
  }
  SECTION("a series for none, and the next best steps in") {
    options.decided = {{"2.25.8", std::nullopt}};
    const StudyMatch m = match(headers, options);
    CHECK(outcome(m.series[1]) == "rejected -");
    CHECK(m.filling(Slot::t1_gre_post) == 0U);
  }
}

TEST_CASE("GE's names and timings fill the slots", "[pipeline][match]") {
  SeriesHeader bravo = mr("Ax 3D BRAVO +C", 8, 900);
  bravo.manufacturer = "GE MEDICAL SYSTEMS";
  bravo.image_type = {"ORIGINAL", "PRIMARY", "OTHER"};
  bravo.scanning_sequence = {"RM", "IR"};
  bravo.sequence_variant = {"NONE"};
  bravo.ge_internal_sequence_name = "BRAVO";
  bravo.tr_ms = 8.2;
  bravo.te_ms = 3.2;
  bravo.ti_ms = 450;
  SeriesHeader cube = mr("Sag T1 CUBE +C", 9, 1000);
  cube.manufacturer = "GE MEDICAL SYSTEMS";
  cube.protocol_name = "BRAIN W WO CONTRAST";
  cube.scanning_sequence = {"SE"};
  cube.ge_internal_sequence_name = "cube";
  cube.tr_ms = 600;
  cube.te_ms = 13;
  const StudyMatch m = match({bravo, cube});
  CHECK(outcome(m.series[0]) == "used t1_gre_post");
  CHECK(outcome(m.series[1]) == "used t1_se_post");
}

TEST_CASE("Philips' names and timings fill the slots", "[pipeline][match]") {
  SeriesHeader tfe = mr("3D T1 TFE GADO", 8, 900);
  tfe.manufacturer = "Philips Medical Systems";
  tfe.image_type = {"ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"};
  tfe.scanning_sequence = {"GR"};
  tfe.sequence_variant = {"MP"};
  tfe.echo_train_length = 32;
  tfe.tr_ms = 8.1;
  tfe.te_ms = 3.7;
  SeriesHeader vista = mr("sT1W_3D_VISTA sans gado", 5, 300);
  vista.manufacturer = "Philips";
  vista.scanning_sequence = {"SE"};
  vista.tr_ms = 400;
  vista.te_ms = 26;
  const StudyMatch m = match({tfe, vista});
  CHECK(outcome(m.series[0]) == "used t1_gre_post");
  CHECK(outcome(m.series[1]) == "used t1_se_pre");
}

TEST_CASE("a gradient echo is taken after contrast only", "[pipeline][match]") {
  CHECK(outcome(match({mprage("t1_mprage nativ", 2, 10)}).series[0]) == "rejected -");
  CHECK(outcome(match({mprage("t1_mprage", 2, 10)}).series[0]) == "ambiguous t1_gre_post");
  CHECK(outcome(match({mprage("t1_mprage km", 2, 10)}).series[0]) == "used t1_gre_post");
  CHECK(outcome(match({space("t1_space", 2, 10)}).series[0]) == "ambiguous -");
}

TEST_CASE("what is none of the four is rejected with its reason", "[pipeline][match]") {
  std::map<std::string, SeriesHeader> headers;
  headers["T2-weighted"] = space("t2_space_sag", 2, 10);
  headers["T2-weighted"].tr_ms = 3200;
  headers["T2-weighted"].te_ms = 400;
  headers["without inversion"] = mprage("t1_vibe +KM", 2, 10);
  headers["without inversion"].scanning_sequence = {"GR"};
  headers["without inversion"].sequence_variant = {"SP"};
  headers["without inversion"].sequence_name = "*fl3d1";
  headers["without inversion"].ti_ms.reset();
  headers["T1-FLAIR"] = t1_se_2d("Ax T1 FLAIR", 2, 10);
  headers["T1-FLAIR"].ti_ms = 900;
  headers["T1-FLAIR"].tr_ms = 2200;
  headers["reformatted"] = mprage("t1_mprage_KM_MPR_tra", 2, 10);
  headers["reformatted"].image_type = {"DERIVED", "SECONDARY", "MPR"};
  headers["subtraction"] = mprage("t1_mprage_SUB", 2, 10);
  headers["magnitude"] = mprage("t1_mprage", 2, 10);
  headers["magnitude"].image_type = {"ORIGINAL", "PRIMARY", "P", "ND"};
  headers["localizer"] = t1_se_2d("3 plane loc", 2, 10);
  headers["11 images"] = t1_se_2d("t1 km", 2, 10);
  headers["11 images"].images = 11;
  headers["missing between"] = mprage("t1_mprage KM", 2, 10);
  headers["missing between"].geometry_problem = "1 slice(s) missing between instance 3 and instance 5";
  headers["pixel data"] = mprage("t1_mprage KM", 2, 10);
  headers["pixel data"].has_pixels = false;
  headers["modality SR"] = mprage("t1_mprage KM", 2, 10);
  headers["modality SR"].modality = "SR";
  headers["cannot be identified"] = mprage("t1_mprage KM", 2, 10);
  headers["cannot be identified"].tr_ms.reset();
  headers["echo planar"] = t1_se_2d("something", 2, 10);
  headers["echo planar"].scanning_sequence = {"SE", "EP"};
  headers["whole brain"] = t1_se_2d("T1 sella km", 2, 10);
  for (const auto& [part_of_reason, header] : headers) {
    const SeriesMatch m = match({header}).series[0];
    CAPTURE(part_of_reason);
    CHECK(outcome(m) == "rejected -");
    REQUIRE_FALSE(m.reasons.empty());
    CHECK_THAT(m.reasons[0], ContainsSubstring(part_of_reason));
  }
}

TEST_CASE("words of contrast are read in several languages", "[pipeline][match]") {
  const auto state = [](const std::string& text) {
    return std::string(to_string(contrast_of(mr(text, 1, 0)).state));
  };
  for (const char* text :
       {"T1 MPRAGE +C", "t1_mprage_sag_KM", "SAG T1 C+", "T1 post gd", "AX BRAVO POST", "T1 Gado", "T1+GD",
        "3D T1 après gado", "T1 con contraste", "t1 spc MDC", "t1_tse_tra+KM", "T1 CE", "t1ce", "T1 Dotarem",
        "T1 post-contrast", "T1 +k", "post contrast pre op"}) {
    CAPTURE(text);
    CHECK(state(text) == "post");
  }
  for (const char* text :
       {"T1 pre gd", "T1 without contrast", "SAG T1 W/O", "t1 nativ", "T1 ohne KM", "T1 sans gado",
        "T1 utan kontrast", "T1 uten kontrast", "non-contrast T1", "T1 sin contraste", "T1 senza mdc",
        "T1 Pre-Contrast", "T1 C- sag", "T1 avant injection", "T1 zonder contrast"}) {
    CAPTURE(text);
    CHECK(state(text) == "pre");
  }
  for (const char* text :
       {"t1_space_sag", "alternative t1", "T1 posterior fossa", "T1 w wo contrast", "MPRAGE post op",
        "T1 pre SRS", "t1 c spine", "T1 ohne FS", "prescan normalize", "T1 MPRAGE preop"}) {
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

TEST_CASE("of repeats the latest complete one is used", "[pipeline][match]") {
  std::vector<SeriesHeader> headers{mprage("t1 km", 5, 900), mprage("t1 km", 6, 1200),
                                    mprage("t1 km", 7, 1500)};
  headers[2].images = 90;
  const StudyMatch m = match(headers);
  CHECK(outcome(m.series[0]) == "duplicate t1_gre_post");
  CHECK(outcome(m.series[1]) == "used t1_gre_post");
  CHECK(outcome(m.series[2]) == "duplicate t1_gre_post");
}

TEST_CASE("of one acquisition's reconstructions the corrected one is used", "[pipeline][match]") {
  std::vector<SeriesHeader> headers(4, mprage("t1 km", 5, 900));
  headers[0].image_type = {"ORIGINAL", "PRIMARY", "M", "ND"};
  headers[1].image_type = {"ORIGINAL", "PRIMARY", "M", "DIS3D", "NORM"};
  headers[2].image_type = {"ORIGINAL", "PRIMARY", "M", "DIS2D", "NORM"};
  headers[3].image_type = {"ORIGINAL", "PRIMARY", "M", "ND", "NORM"};
  CHECK(match(headers).filling(Slot::t1_gre_post) == 1U);

  std::vector<SeriesHeader> ge(2, mprage("Ax BRAVO +C", 8, 900));
  ge[1].series_description = "ORIG: Ax BRAVO +C";
  ge[1].series_number = 800;
  const StudyMatch m = match(ge);
  CHECK(outcome(m.series[0]) == "used t1_gre_post");
  CHECK(outcome(m.series[1]) == "duplicate t1_gre_post");
}

TEST_CASE("3D comes before 2D, and the main plane before others", "[pipeline][match]") {
  SeriesHeader coronal = t1_se_2d("T1 cor +C", 11, 1300);
  coronal.plane = "COR";
  SECTION("3D before 2D") {
    const StudyMatch m = match({space("T1 space +C", 9, 900), t1_se_2d("T1 ax +C", 10, 1200)});
    CHECK(outcome(m.series[0]) == "used t1_se_post");
    CHECK(outcome(m.series[1]) == "rejected -");
  }
  SECTION("axial before a later coronal") {
    const StudyMatch m = match({t1_se_2d("T1 ax pre", 3, 100), t1_se_2d("T1 ax +C", 10, 1200), coronal});
    CHECK(outcome(m.series[1]) == "used t1_se_post");
    CHECK(outcome(m.series[2]) == "rejected -");
    CHECK_THAT(m.series[2].reasons[0], ContainsSubstring("another plane (COR)"));
  }
  SECTION("alone, another plane is better than none") {
    CHECK(outcome(match({coronal}).series[0]) == "used t1_se_post");
  }
  SECTION("a stand-in is less certain") {
    CHECK(match({coronal}).series[0].confidence < match({space("T1 space +C", 9, 900)}).series[0].confidence);
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

TEST_CASE("the JSON of a match is what is documented", "[pipeline][match]") {
  dicom::Study study;
  study.study_instance_uid = "2.25.1";
  SeriesHeader odd = mprage("bytes \xff that are no UTF-8 KM", 4, 900);
  odd.series_number.reset();
  study.series.push_back({mprage("t1 km", 3, 800), {{}, {}}, {}});
  study.series.push_back({odd, {}, {}});
  study.series.push_back({mr("unknown", 5, 0), {}, {}});
  const StudyMatch m = match_study(study, {});
  const auto json = nlohmann::json::parse(to_json(study, m));
  CHECK(json.at("study_instance_uid") == "2.25.1");
  CHECK(json.at("subset") == nlohmann::json::array({"t1_gre_post"}));
  CHECK(json.at("reference") == "2.25.4");
  REQUIRE(json.at("series").size() == 3);
  const auto& first = json.at("series").at(0);
  CHECK(first.at("series_instance_uid") == "2.25.3");
  CHECK(first.at("series_number") == 3);
  CHECK(first.at("description") == "t1 km");
  CHECK(first.at("instances") == 2);
  CHECK(first.at("slot") == "t1_gre_post");
  CHECK(first.at("decision") == "duplicate");
  CHECK(first.at("contrast") == "post");
  CHECK(first.at("confidence").is_number());
  CHECK(first.at("reasons").is_array());
  CHECK(json.at("series").at(1).at("series_number").is_null());
  CHECK(json.at("series").at(2).at("slot").is_null());
  CHECK_THAT(to_table(study, m), ContainsSubstring("BRAVO") && ContainsSubstring("sequences: t1_gre_post"));
}

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
    if (!ok && m.decision == Decision::used) CHECK(m.confidence <= 0.8);
    if (!ok) WARN("line " << row.line << ": " << outcome(m) << ", wanted " << row.wanted_as);
    right += ok ? 1 : 0;
    gradient_echoes += row.wanted_as.starts_with("T1 MPRAGE") ? 1 : 0;
    open_gradient_echoes += outcome(m) == "ambiguous t1_gre_post" ? 1 : 0;
  }
  CHECK(right >= 0.95 * static_cast<double>(rows.size()));
  CHECK(open_gradient_echoes >= 0.8 * gradient_echoes);
}

}  // namespace
}  // namespace metserve::pipeline
