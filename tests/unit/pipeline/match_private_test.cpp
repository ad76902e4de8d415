#include <random>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "pipeline/match.h"
#include "pipeline/simulated_study.h"
#include "tests/catch.h"
#include "tests/unit/dicom/result_fixtures.h"
#include "tests/unit/pipeline/study_fixture.h"

namespace metserve::pipeline {
namespace {

using models::Slot;

/// A private block of `group` that nobody has reserved yet, with words and a sequence that would mislead if
/// they were read.
void add_private_block(DcmDataset& dataset, std::uint16_t group, std::mt19937& random) {
  std::uint16_t block = 0x10;
  while (dataset.tagExists(DcmTagKey(group, block))) ++block;
  const auto element = [&](std::uint16_t number, DcmEVR vr) {
    return DcmTag(DcmTagKey(group, static_cast<std::uint16_t>(block << 8 | number)), vr);
  };
  const std::string creator = "ACME " + std::to_string(random() % 1000);
  REQUIRE(dataset.putAndInsertString(DcmTag(DcmTagKey(group, block), EVR_LO), creator.c_str()).good());
  for (const std::uint16_t number : {0x9c, 0x9e, 0x75, 0x01})
    if (random() % 2 == 0)
      REQUIRE(dataset.putAndInsertString(element(number, EVR_LO), "*ep_b1000 localizer t2 pre gd").good());
  DcmItem* item = nullptr;
  REQUIRE(dataset.findOrCreateSequenceItem(element(0xfe, EVR_SQ), item, 0).good());
  item->putAndInsertString(DCM_SeriesDescription, "localizer");
  item->putAndInsertString(DCM_ImageType, "DERIVED\\SECONDARY\\MPR");
  item->putAndInsertString(DCM_ContrastBolusAgent, "Gadobutrol");
  item->putAndInsertString(DCM_EchoTime, "90");
  item->putAndInsertString(DCM_ImageOrientationPatient, "0\\1\\0\\0\\0\\1");
}

std::string decisions_in(const std::filesystem::path& folder) {
  const dicom::Study study = dicom::scan_study(dicom::list_files(folder));
  return to_json(study, match_study(study, {}));
}

TEST_CASE("extra private attributes never change a decision", "[pipeline][match][property]") {
  const auto vendor = GENERATE(Vendor::ge, Vendor::siemens, Vendor::philips);
  const TemporaryDirectory directory;
  const auto folder = write_dicom_study(
      test::phantom_study(
          {{Slot::t1_gre_post, {}}, {Slot::t1_se_pre, {}}, {Slot::t1_se_post, {}}, {Slot::flair, {}}}),
      vendor, directory / "out");
  const std::string before = decisions_in(folder);
  std::mt19937 random(6);
  for (const auto& path : dicom::list_files(folder)) {
    if (path.extension() != ".dcm") continue;
    DcmFileFormat file;
    REQUIRE(file.loadFile(path.c_str()).good());
    file.loadAllDataIntoMemory();
    for (const std::uint16_t group : {0x0009, 0x0019, 0x0021, 0x0043, 0x2001})
      for (std::uint32_t blocks = random() % 3; blocks > 0; --blocks)
        add_private_block(*file.getDataset(), group, random);
    REQUIRE(file.saveFile(path.c_str(), EXS_LittleEndianExplicit).good());
  }
  CHECK(decisions_in(folder) == before);
}

}  // namespace
}  // namespace metserve::pipeline
