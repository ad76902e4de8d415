#include "pipeline/match.h"
#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using namespace test;

/// Not an image, whatever its words say.
SeriesHeader document(const std::string& modality, const std::string& description, int number,
                      double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.modality = modality;
  header.has_pixels = modality == "OT";
  header.images = 1;
  return header;
}

TEST_CASE("what is no acquired image says nothing of contrast", "[pipeline][match]") {
  const auto outcomes = [](std::vector<SeriesHeader> headers, const std::vector<SeriesHeader>& documents) {
    headers.insert(headers.end(), documents.begin(), documents.end());
    const StudyMatch matched = match(headers);
    std::string text;
    for (std::size_t i = 0; i + documents.size() < headers.size(); ++i)
      text += outcome(matched.series[i]) + "; ";
    return text;
  };
  const auto same = [&](const std::vector<SeriesHeader>& headers, const SeriesHeader& other) {
    CAPTURE(other.modality, other.series_description);
    CHECK(outcomes(headers, {other}) == outcomes(headers, {}));
  };
  const std::vector<SeriesHeader> wordless{space("SAG SPACE", 2, 36600), mprage("SAG MPRAGE", 3, 36900)};
  CHECK(outcomes(wordless, {}) == "ambiguous -; ambiguous t1_gre_post; ");
  same(wordless, document("DOC", "Contrast consent form", 1, 34200));
  same(wordless, document("OT", "MR contrast questionnaire", 1, 34200));
  same(wordless, document("DOC", "Pre contrast safety form", 9, 40000));
  SeriesHeader ours = mr("BRAVO +C axial", 9, 30000);
  ours.manufacturer = "MetServe";
  same(wordless, ours);
  const std::vector<SeriesHeader> repeated{space("SAG SPACE PRE", 2, 36600), mprage("SAG MPRAGE", 3, 37800),
                                           space("SAG SPACE", 4, 38280)};
  same(repeated, document("SR", "Metastases SR, research use: BRAVO, CUBE pre, FLAIR", 5, 39600));
  const std::vector<SeriesHeader> given{space("SAG SPACE PRE", 2, 36600), mprage("AX MPRAGE +C", 3, 37800),
                                        space("SAG SPACE", 4, 38280)};
  CHECK(outcomes(given, {}) == "used t1_se_pre; used t1_gre_post; used t1_se_post; ");
  same(given, document("PR", "SAG SPACE PRE", 5, 39600));
  same(given, document("SR", "MR BRAIN WITHOUT CONTRAST", 5, 39600));
  SeriesHeader localizer = mr("localizer", 1, 36000);
  localizer.contrast_agent = "Dotarem";
  std::vector<SeriesHeader> agents{localizer, space("SAG SPACE", 2, 36600), mprage("AX MPRAGE +C", 3, 37800)};
  for (SeriesHeader& header : agents) header.contrast_agent = "Dotarem";
  same(agents, document("DOC", "MR safety survey", 9, 30000));
}

}  // namespace
}  // namespace metserve::pipeline
