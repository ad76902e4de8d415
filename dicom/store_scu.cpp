#include "dicom/store_scu.h"

#include <algorithm>
#include <iterator>
#include <span>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>

#include "dicom/error.h"
#include "dicom/store_scu_association.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t max_contexts = 128;  ///< of one association: odd numbers below 256

/// Adds to `contexts` what `file` needs and is not there yet.
void add_proposals(std::vector<ProposedContext>& contexts, const OutgoingFile& file) {
  for (auto& proposal : proposals_for(file.context))
    if (std::find(contexts.begin(), contexts.end(), proposal) == contexts.end())
      contexts.push_back(std::move(proposal));
}

SendResult undelivered(const OutgoingFile& file, const Error& error, bool reached) {
  const bool for_good = error.kind() == Error::Kind::peer_permanent;
  SendResult result;
  result.file = file.path;
  result.sop_instance_uid = file.sop_instance_uid;
  result.outcome = for_good ? SendResult::Outcome::permanent : SendResult::Outcome::transient;
  result.reason = error.what();
  result.reached = reached;
  return result;
}

bool is_of_peer(const Error& error) {
  return error.kind() == Error::Kind::peer_transient || error.kind() == Error::Kind::peer_permanent;
}

/// Sends the files over one association; what a peer's failure leaves unsent has that failure as result.
std::vector<SendResult> send_batch(const Peer& peer, const std::vector<ProposedContext>& contexts,
                                   std::span<const OutgoingFile> files, const std::stop_token& stop) {
  std::vector<SendResult> results;
  bool reached = false;
  std::optional<std::size_t> sending;
  try {
    OutgoingAssociation association(peer, contexts);
    reached = true;
    while (results.size() < files.size() && !stop.stop_requested()) {
      sending = results.size();
      results.push_back(association.store(files[*sending]));
    }
  } catch (const Error& error) {
    if (!is_of_peer(error)) throw;
    for (const OutgoingFile& file : files.subspan(results.size()))
      results.push_back(undelivered(file, error, reached));
    if (sending) results.at(*sending).unanswered = true;
  }
  return results;
}

}  // namespace

std::vector<SendResult> send_instances(const Peer& peer, const std::vector<std::filesystem::path>& files,
                                       const std::stop_token& stop) {
  std::vector<OutgoingFile> outgoing;
  std::transform(files.begin(), files.end(), std::back_inserter(outgoing), read_outgoing_file);
  std::vector<SendResult> results;
  auto first = outgoing.cbegin();
  while (first != outgoing.cend() && !stop.stop_requested()) {
    std::vector<ProposedContext> contexts;
    auto last = first;
    for (; last != outgoing.cend(); ++last) {
      auto more = contexts;
      add_proposals(more, *last);
      if (more.size() > max_contexts) break;
      contexts = std::move(more);
    }
    std::ranges::move(send_batch(peer, contexts, {first, last}, stop), std::back_inserter(results));
    first = last;
  }
  return results;
}

SopReference sop_reference(const std::filesystem::path& file) {
  const OutgoingFile outgoing = read_outgoing_file(file);
  return {outgoing.context.sop_class_uid, outgoing.sop_instance_uid};
}

void verify_peer(const Peer& peer) {
  OutgoingAssociation association(peer, {{UID_VerificationSOPClass, UID_LittleEndianImplicitTransferSyntax}});
  if (const auto status = association.echo(); status != 0)
    throw Error(Error::Kind::peer_transient,
                peer.called_ae_title + ": C-ECHO answered with status " + std::to_string(status));
}

}  // namespace metserve::dicom
