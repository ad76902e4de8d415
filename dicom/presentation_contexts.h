#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>

namespace metserve::dicom {

/// The transfer syntax to accept of those that a sender proposes in one presentation context: its first
/// lossless compression, so that it need not decompress; else an uncompressed one; else its first lossy
/// compression, since the others let no sender lose pixels. Nothing when none can be decoded here (JPEG 2000
/// and video).
std::optional<std::string> choose_transfer_syntax(std::span<const std::string> proposed);

/// Accepts or refuses every presentation context of an A-ASSOCIATE-RQ: Verification and all storage classes
/// and, with `commitment_reports`, storage commitment of a peer that wants to be its SCP.
void answer_presentation_contexts(T_ASC_Parameters& parameters, bool commitment_reports);

/// One (SOP class, transfer syntax) to propose.
struct ProposedContext {
  std::string sop_class_uid, transfer_syntax_uid;
  bool operator==(const ProposedContext&) const = default;
};

/// What to propose for an object of this class and transfer syntax: its own, and implicit VR little endian,
/// which every peer knows (PS3.5 section 10.1), where that needs no decoder.
std::vector<ProposedContext> proposals_for(const ProposedContext& object);

}  // namespace metserve::dicom
