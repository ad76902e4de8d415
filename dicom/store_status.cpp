#include "dicom/store_status.h"

#include <array>
#include <cstdio>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>

namespace metserve::dicom {
namespace {

constexpr std::uint16_t warning = 0x0001, attribute_list_error = 0x0107, processing_failure = 0x0110,
                        duplicate_instance = 0x0111, value_out_of_range = 0x0116,
                        resource_limitation = 0x0213, cancelled = 0xfe00;

}  // namespace

SendResult::Outcome outcome_of(std::uint16_t status) {
  using Outcome = SendResult::Outcome;
  switch (status) {
    case STATUS_Success:
    case warning:
    case attribute_list_error:
    case value_out_of_range:
    case duplicate_instance:
      return Outcome::delivered;
    case processing_failure:
    case resource_limitation:
    case cancelled:
      return Outcome::transient;
    default:
      break;
  }
  if ((status & 0xf000) == 0xb000) return Outcome::delivered;
  return (status & 0xff00) == 0xa700 ? Outcome::transient : Outcome::permanent;
}

std::string text_of(std::uint16_t status) {
  std::array<char, 8> hex{};
  std::snprintf(hex.data(), hex.size(), "0x%04X", static_cast<unsigned>(status));
  return std::string(hex.data()) + " (" + DU_cstoreStatusString(status) + ")";
}

}  // namespace metserve::dicom
