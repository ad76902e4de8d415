// A dataset as it comes over the wire; the first byte chooses the transfer syntax. What `scan_dataset` lets
// pass is read with DCMTK's parser as well: it must survive that.

#include "dicom/dataset.h"

#include <array>
#include <string_view>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/error.h"
#include "dicom/part10.h"
#include "dicom/runtime.h"
#include "tests/fuzz/scratch.h"

using namespace metserve;

namespace {

constexpr std::array<std::string_view, 6> syntaxes = {
    UID_LittleEndianImplicitTransferSyntax, UID_LittleEndianExplicitTransferSyntax,
    UID_BigEndianExplicitTransferSyntax,    UID_DeflatedExplicitVRLittleEndianTransferSyntax,
    UID_RLELosslessTransferSyntax,          UID_JPEGLSLosslessTransferSyntax};
constexpr std::array<std::uint32_t, 3> wanted = {0x00080018, 0x00080060, 0x0020000d};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dicom::Runtime runtime;
  static const fuzz::Scratch scratch;
  if (size < 1) return 0;
  const auto syntax = syntaxes[data[0] % syntaxes.size()];
  const std::span<const std::uint8_t> dataset(data + 1, size - 1);
  try {
    const auto values = dicom::scan_dataset(dataset, syntax, wanted, {.max_inflated_bytes = 1 << 20});
    fuzz::require(values.size() <= wanted.size());
    auto part10 = dicom::part10_header({"1.2.3", "1.2.3.4", std::string(syntax), "FUZZ"});
    part10.insert(part10.end(), dataset.begin(), dataset.end());
    dicom::read_file(scratch.write("image.dcm", part10));
  } catch (const dicom::Error&) {
  }
  return 0;
}
