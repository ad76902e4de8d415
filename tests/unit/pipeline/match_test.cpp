#include "pipeline/match.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using models::Slot;
using namespace test;

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

TEST_CASE("a slab does not stand for the brain, however late", "[pipeline][match]") {
  SeriesHeader slab = mprage("t1_mprage_tra_KM slab", 9, 1500);
  slab.plane = "AX";
  slab.images = 95;
  slab.tr_ms = 1900;  // another protocol than the whole head's
  SECTION("the whole head was acquired as well") {
    const StudyMatch m = match({mprage("t1_mprage_sag_iso_KM", 7, 900), slab});
    CHECK(m.filling(Slot::t1_gre_post) == 0U);
    CHECK(m.series[1].reasons.front().find("covers less of the head than series 7") == 0);
  }
  SECTION("another sequence covers it: that is the reference") {
    const StudyMatch m = match({slab, space("t1_space_sag_iso KM", 8, 1200)});
    CHECK(m.filling(Slot::t1_gre_post) == 0U);
    CHECK(m.reference == 1U);
  }
  SECTION("nothing else was acquired") {
    CHECK(match({slab}).reference == 0U);
  }
}

TEST_CASE("a sequence without frame of reference is the last to be the reference", "[pipeline][match]") {
  SeriesHeader bravo = mprage("t1_mprage_sag_iso_KM", 7, 900);
  bravo.frame_of_reference_uid.clear();
  const StudyMatch m = match({bravo, space("t1_space_sag_iso KM", 8, 1200)});
  CHECK(m.filling(Slot::t1_gre_post) == 0U);
  CHECK(m.reference == 1U);
}

TEST_CASE("the spine of the same examination is not the brain", "[pipeline][match]") {
  SeriesHeader brain = t1_se_2d("t1_se_tra_KM", 7, 900), spine = t1_se_2d("t1_tse_tra_KM", 21, 2400);
  SECTION("by its body part") {
    spine.body_part = "LSPINE";
    brain.body_part = "HEAD";
  }
  SECTION("by its description") {
    spine.series_description = "t1_tse_tra_KM_LWS";
  }
  const StudyMatch m = match({brain, spine});
  CHECK(m.filling(Slot::t1_se_post) == 0U);
  CHECK(outcome(m.series[1]) == "rejected -");
  CHECK(m.series[1].reasons.front().find("not the") == 0);
}

TEST_CASE("a body part that names the head among others is the head", "[pipeline][match]") {
  for (const char* part : {"", "BRAIN", "HEADNECK", "HEAD NECK", "SKULL", "Kopf/Hals", "CNS"}) {
    INFO(part);
    SeriesHeader brain = mprage("t1_mprage_sag_iso_KM", 7, 900);
    brain.body_part = part;
    CHECK(match({brain}).filling(Slot::t1_gre_post) == 0U);
  }
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

TEST_CASE("of a series' parts a person means the one that can be used", "[pipeline][match]") {
  std::vector<SeriesHeader> parts(2, mprage("t1 mprage", 7, 900));
  SECTION("magnitude, not imaginary") {
    parts[0].image_type = {"ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"};
    parts[1].image_type = {"ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"};
  }
  SECTION("the images, not a screen save") {
    parts[0].image_type = {"DERIVED", "SECONDARY"};
    parts[0].images = 1;
    parts[1].images = 120;
  }
  SECTION("a volume, even one that is excluded") {
    parts[0].images = 400;
    parts[0].geometry_problem = "mixed orientations";
    parts[1].image_type = {"DERIVED", "SECONDARY", "MPR"};
  }
  SECTION("the larger") {
    parts[0].images = 100;
  }
  for (const bool turned : {false, true}) {
    if (turned) std::swap(parts[0], parts[1]);
    const std::size_t meant = turned ? 0 : 1;
    MatchOptions options;
    options.decided = {{"2.25.7", Slot::t1_gre_post}};
    const StudyMatch m = match(parts, options);
    CHECK(m.filling(Slot::t1_gre_post) == meant);
    CHECK(m.series[meant].reasons.front() == "a person chose it for its slot");
    CHECK(outcome(m.series[1 - meant]) == "rejected -");
    CHECK(m.series[1 - meant].reasons.front() == "another part of the series that a person chose");
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

TEST_CASE("after the perfusion is no perfusion, below a millimetre no subtraction", "[pipeline][match]") {
  for (const char* text : {"T1 MPRAGE POST PERF", "T1 MPRAGE post perfusion", "t1_mprage_sub_mm KM"}) {
    SeriesHeader header = mprage(text, 5, 900);
    header.contrast_agent = "Gadovist";
    CAPTURE(text);
    CHECK(outcome(match({header}).series[0]) == "used t1_gre_post");
  }
  for (const char* text : {"T1 PERF KM", "t1_mprage_sub KM"})
    CHECK(outcome(match({mprage(text, 5, 900)}).series[0]) == "rejected -");
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

TEST_CASE("the two parts of one head are no repeats of each other", "[pipeline][match]") {
  std::vector<SeriesHeader> headers(2, mprage("t1 km", 5, 900));
  headers[1].series_number = 6;
  for (SeriesHeader& header : headers) header.images = 88;
  headers[0].first_slice_mm = -88;
  headers[1].first_slice_mm = 0;
  SECTION("neither fills the slot") {
    const StudyMatch m = match(headers);
    CHECK(m.subset.none());
    for (const SeriesMatch& series : m.series) CHECK(outcome(series) == "ambiguous t1_gre_post");
    CHECK_THAT(m.series[0].reasons[0], ContainsSubstring("covers a part of the head; series 6"));
    CHECK_THAT(m.series[1].reasons[0], ContainsSubstring("covers a part of the head; series 5"));
  }
  SECTION("nor where nothing tells of contrast") {
    for (SeriesHeader& header : headers) header.series_description = "t1";
    for (const SeriesMatch& series : match(headers).series) CHECK(outcome(series) == "ambiguous t1_gre_post");
  }
  SECTION("one that covers the whole head does") {
    headers.push_back(mprage("t1 km", 7, 800));
    headers[2].first_slice_mm = -88;
    CHECK(match(headers).filling(Slot::t1_gre_post) == 2U);
  }
  SECTION("slices that both hold make a repeat") {
    headers[1].first_slice_mm = -80;
    CHECK(match(headers).filling(Slot::t1_gre_post) == 1U);
  }
  SECTION("other frames of reference cannot be compared") {
    headers[1].frame_of_reference_uid = "2.25.1001";
    CHECK(match(headers).filling(Slot::t1_gre_post) == 1U);
  }
}

TEST_CASE("a broken-off repeat never wins, whatever else there is", "[pipeline][match]") {
  std::vector<SeriesHeader> headers{space("SAG SPACE +C", 1, 36600), space("SAG SPACE FS +C", 2, 37200),
                                    space("SAG SPACE +C", 3, 37800)};
  headers[0].images = headers[1].images = 170;
  headers[1].tr_ms = 800;
  headers[2].images = 100;
  const auto by_number = [](const SeriesHeader& a, const SeriesHeader& b) {
    return a.series_number < b.series_number;
  };
  do {
    const StudyMatch m = match(headers);
    REQUIRE(m.filling(Slot::t1_se_post));
    CHECK(headers[*m.filling(Slot::t1_se_post)].series_number == 2);
  } while (std::next_permutation(headers.begin(), headers.end(), by_number));
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

}  // namespace
}  // namespace metserve::pipeline
