#include "pipeline/key_images.h"

#include "dicom/volume.h"
#include "tests/catch.h"

using metserve::pipeline::wrapped;
namespace dicom = metserve::dicom;

TEST_CASE("Sentences are broken into lines without losing a letter", "[key_images]") {
  using Lines = std::vector<std::string>;
  CHECK(wrapped("", 20) == Lines{""});
  CHECK(wrapped("exactly twenty here.", 20) == Lines{"exactly twenty here."});
  CHECK(wrapped("exactly twenty here. And more", 20) == Lines{"exactly twenty here.", "  And more"});
  CHECK(wrapped("between two words, not within", 20) == Lines{"between two words,", "  not within"});
  CHECK(wrapped("abcdefghijklmnopqrstuvwxyz", 20) == Lines{"abcdefghijklmnopqrst", "  uvwxyz"});
  CHECK(wrapped("Used: abcdefghijklmnopqrstuvwxyz0123456789", 20) ==
        Lines{"Used: abcdefghijklmn", "  opqrstuvwxyz012345", "  6789"});
}

TEST_CASE("Directions are named by the patient's sides, the most important first", "[key_images]") {
  CHECK(dicom::patient_letters({1, 0, 0}) == "L");
  CHECK(dicom::patient_letters({0, -1, 0}) == "A");
  CHECK(dicom::patient_letters({0, 0, -1}) == "F");
  CHECK(dicom::patient_letters({-0.2, 0.95, 0.23}) == "PHR");
  CHECK(dicom::patient_letters({0.05, 0.998, 0}) == "P");
}
