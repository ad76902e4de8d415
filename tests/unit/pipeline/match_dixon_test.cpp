#include "pipeline/match_dixon.h"

#include <string>
#include <utility>
#include <vector>

#include "pipeline/match.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using models::Slot;
using namespace test;

TEST_CASE("of a Dixon acquisition water is used, else in phase, never fat", "[pipeline][match]") {
  struct Image {
    std::vector<std::string> type;
    std::string description;
  };
  const std::string text = "t1_mprage_dixon_KM";
  const auto images = GENERATE_COPY(
      values<std::vector<Image>>({{{{"DERIVED", "PRIMARY", "DIXON", "WATER"}, "WATER: T1 FLEX +C"},
                                   {{"DERIVED", "PRIMARY", "DIXON", "INPHASE"}, "INPHASE: T1 FLEX +C"},
                                   {{"DERIVED", "PRIMARY", "DIXON", "FAT"}, "FAT: T1 FLEX +C"},
                                   {{"DERIVED", "PRIMARY", "DIXON", "OUTPHASE"}, "OUTPHASE: T1 FLEX +C"}},
                                  {{{"DERIVED", "PRIMARY", "M", "DIXON", "WATER"}, text},
                                   {{"ORIGINAL", "PRIMARY", "M", "DIXON", "IN_PHASE", "NORM"}, text},
                                   {{"DERIVED", "PRIMARY", "M", "DIXON", "FAT"}, text},
                                   {{"ORIGINAL", "PRIMARY", "M", "DIXON", "OPP_PHASE"}, text}},
                                  {{{"ORIGINAL", "PRIMARY", "W", "W", "DERIVED"}, text},
                                   {{"ORIGINAL", "PRIMARY", "IP", "IP", "DERIVED"}, text},
                                   {{"ORIGINAL", "PRIMARY", "F", "F", "DERIVED"}, text},
                                   {{"ORIGINAL", "PRIMARY", "OP", "OP", "DERIVED"}, text}},
                                  {{{"ORIGINAL", "PRIMARY", "M"}, "t1_mprage_KM_W"},
                                   {{"ORIGINAL", "PRIMARY", "M"}, "t1_mprage_KM_in"},
                                   {{"ORIGINAL", "PRIMARY", "M"}, "t1_mprage_KM_F"},
                                   {{"ORIGINAL", "PRIMARY", "M"}, "t1_mprage_KM_opp"}},
                                  {{{"ORIGINAL", "PRIMARY", "M"}, "mDIXON TFE GD water"},
                                   {{"ORIGINAL", "PRIMARY", "M"}, "mDIXON TFE GD in phase"},
                                   {{"ORIGINAL", "PRIMARY", "M"}, "mDIXON TFE GD fat"},
                                   {{"ORIGINAL", "PRIMARY", "M"}, "TFE out of phase GD"}}}));
  std::vector<SeriesHeader> headers;
  for (const Image& image : images) {
    headers.push_back(mprage(image.description, 5 + static_cast<int>(headers.size()), 900));
    headers.back().image_type = image.type;
  }
  const StudyMatch all = match(headers);
  CHECK(all.filling(Slot::t1_gre_post) == 0U);
  CHECK(outcome(all.series[1]) == "duplicate t1_gre_post");
  CHECK(outcome(match({headers[1], headers[2]}).series[0]) == "used t1_gre_post");
  for (const std::size_t i : {2U, 3U}) {
    const SeriesMatch alone = match({headers[i]}).series[0];
    CAPTURE(headers[i].series_description, alone.reasons);
    CHECK(outcome(alone) == "rejected -");
    CHECK_THAT(alone.reasons[0], ContainsSubstring("Dixon"));
  }
}

TEST_CASE("fat suppression is no fat image", "[pipeline][match]") {
  for (const char* text :
       {"t1_mprage_KM_fs", "T1 KM fat sat", "T1 KM fatsat", "T1 fat suppressed +C", "t1_dixon_fat_sat_KM",
        "T1 FLEX +C fs", "FAT SAT: T1 +C", "T1 KM F", "T1 KM post op"}) {
    CAPTURE(text);
    CHECK(outcome(match({mprage(text, 5, 900)}).series[0]) == "used t1_gre_post");
  }
}

}  // namespace
}  // namespace metserve::pipeline
