// Writes what the fault tests need: a model package with a small network, and a study of one coarse sequence.
// usage: fault_fixtures DIRECTORY

#include <cstdio>

#include "dicom/runtime.h"
#include "tests/unit/server/service_fixture.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fault_fixtures DIRECTORY\n", stderr);
    return 2;
  }
  const std::filesystem::path directory(argv[1]);
  const metserve::dicom::Runtime runtime;
  metserve::server::write_random_model(directory / "model");
  metserve::server::write_one_sequence_study(metserve::models::Slot::t1_gre_post, directory / "study");
  return 0;
}
