#include "server/commitment.h"

#include <algorithm>

#include "dicom/store_status.h"
#include "server/backoff.h"

namespace metserve::server {
namespace {

constexpr std::chrono::minutes lease{1};
constexpr std::uint16_t no_such_instance = 0x0112;

void record_failure(const DeliveryClaim& claim, const DeliveryClaim::Item& item, std::uint16_t reason,
                    const CommitmentContext& context) {
  const bool again =
      reason == no_such_instance || dicom::outcome_of(reason) == dicom::SendResult::Outcome::transient;
  const std::string text = "not committed to: " + dicom::text_of(reason);
  if (again) {
    context.store.record_lost(claim, item, backoff(context.retry_of(claim.destination), item.tries, 0), text);
  } else {
    context.store.record_attention(claim, item, text);
  }
  context.metrics.delivery(claim.destination, again ? "retry" : "attention");
}

}  // namespace

bool record_commitment(const dicom::CommitmentReport& report, const CommitmentContext& context) {
  const auto claim = context.store.claim_transaction(report.transaction_uid, context.node, lease);
  if (!claim) return false;
  for (const auto& item : claim->items) {
    const auto failure = std::find_if(report.failed.begin(), report.failed.end(), [&](const auto& one) {
      return one.sop_instance_uid == item.sop_instance_uid;
    });
    if (failure != report.failed.end()) {
      record_failure(*claim, item, failure->reason, context);
      context.log.warning(
          item.object + ": " + claim->destination + " does not keep it: " + dicom::text_of(failure->reason),
          claim->key);
    } else if (std::count(report.committed.begin(), report.committed.end(), item.sop_instance_uid) > 0) {
      context.store.record_delivered(*claim, item, "");
      context.log.info(item.object + ": " + claim->destination + " has committed to keep it, says " +
                           report.calling_ae_title,
                       claim->key);
      context.audit.delivered(claim->key, item.object, claim->destination);
      context.metrics.delivery(claim->destination, "delivered");
    }
  }
  context.store.hand_back(*claim, true);  // what the report does not speak of
  return true;
}

}  // namespace metserve::server
