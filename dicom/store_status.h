#pragma once

#include <cstdint>
#include <string>

#include "dicom/store_scu.h"

namespace metserve::dicom {

/// What a status of C-STORE, a Failure Reason of STOW-RS (PS3.18 annex I) or of storage commitment (PS3.3
/// C.14) means for the object: all three use the values of PS3.4 table B.2-1 and PS3.7 annex C. Warnings and
/// a duplicate of the same SOP Instance UID deliver: our UIDs name one content only.
SendResult::Outcome outcome_of(std::uint16_t status);

/// "0xA700 (Refused: Out of resources)".
std::string text_of(std::uint16_t status);

}  // namespace metserve::dicom
