#include "dicom/presentation_contexts.h"

#include <algorithm>
#include <array>

#include <dcmtk/dcmdata/dcuid.h>

namespace metserve::dicom {
namespace {

using SyntaxList = std::span<const std::string_view>;

constexpr std::array<std::string_view, 5> lossless = {
    UID_JPEGProcess14SV1TransferSyntax, UID_JPEGProcess14TransferSyntax, UID_JPEGLSLosslessTransferSyntax,
    UID_RLELosslessTransferSyntax, UID_DeflatedExplicitVRLittleEndianTransferSyntax};
constexpr std::array<std::string_view, 3> uncompressed = {UID_LittleEndianExplicitTransferSyntax,
                                                          UID_LittleEndianImplicitTransferSyntax,
                                                          UID_BigEndianExplicitTransferSyntax};
constexpr std::array<std::string_view, 5> lossy = {
    UID_JPEGProcess1TransferSyntax, UID_JPEGProcess2_4TransferSyntax, UID_JPEGProcess6_8TransferSyntax,
    UID_JPEGProcess10_12TransferSyntax, UID_JPEGLSLossyTransferSyntax};

bool contains(SyntaxList list, std::string_view uid) {
  return std::find(list.begin(), list.end(), uid) != list.end();
}

std::optional<std::string> first_of_sender(std::span<const std::string> proposed, SyntaxList list) {
  for (const auto& uid : proposed)
    if (contains(list, uid)) return uid;
  return std::nullopt;
}

std::optional<std::string> first_of_ours(std::span<const std::string> proposed, SyntaxList list) {
  for (const auto uid : list)
    if (std::find(proposed.begin(), proposed.end(), uid) != proposed.end()) return std::string(uid);
  return std::nullopt;
}

bool is_verification(std::string_view abstract_syntax) {
  return abstract_syntax == UID_VerificationSOPClass;
}

/// A peer that reports on storage commitment opens the association as SCP (PS3.4 J.3.3, PS3.7 D.3.3.4).
bool is_commitment_report(const T_ASC_PresentationContext& context) {
  const auto role = context.proposedRole;
  return std::string_view(context.abstractSyntax) == UID_StorageCommitmentPushModelSOPClass &&
         (role == ASC_SC_ROLE_SCP || role == ASC_SC_ROLE_SCUSCP);
}

void answer(T_ASC_Parameters& parameters, const T_ASC_PresentationContext& context, bool commitment_reports) {
  const auto id = context.presentationContextID;
  const bool is_report = commitment_reports && is_commitment_report(context);
  if (!is_report && !is_verification(context.abstractSyntax) &&
      !dcmIsaStorageSOPClassUID(context.abstractSyntax, ESSC_All)) {
    ASC_refusePresentationContext(&parameters, id, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
    return;
  }
  const std::vector<std::string> proposed(context.proposedTransferSyntaxes,
                                          context.proposedTransferSyntaxes + context.transferSyntaxCount);
  if (const auto chosen = choose_transfer_syntax(proposed))
    ASC_acceptPresentationContext(&parameters, id, chosen->c_str(),
                                  is_report ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_DEFAULT);
  else
    ASC_refusePresentationContext(&parameters, id, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
}

}  // namespace

std::optional<std::string> choose_transfer_syntax(std::span<const std::string> proposed) {
  if (auto chosen = first_of_sender(proposed, lossless)) return chosen;
  if (auto chosen = first_of_ours(proposed, uncompressed)) return chosen;
  return first_of_sender(proposed, lossy);
}

void answer_presentation_contexts(T_ASC_Parameters& parameters, bool commitment_reports) {
  const int count = ASC_countPresentationContexts(&parameters);
  for (int position = 0; position < count; ++position) {
    T_ASC_PresentationContext context{};
    // fails on more transfer syntaxes than it has room for; then there are none in it, and it is refused
    ASC_getPresentationContext(&parameters, position, &context);
    answer(parameters, context, commitment_reports);
  }
}

std::vector<ProposedContext> proposals_for(const ProposedContext& object) {
  std::vector<ProposedContext> out = {object};
  const bool needs_no_decoder =
      contains(uncompressed, object.transfer_syntax_uid) ||
      object.transfer_syntax_uid == UID_DeflatedExplicitVRLittleEndianTransferSyntax;
  const ProposedContext implicit = {object.sop_class_uid, UID_LittleEndianImplicitTransferSyntax};
  if (needs_no_decoder && implicit != object) out.push_back(implicit);
  return out;
}

}  // namespace metserve::dicom
