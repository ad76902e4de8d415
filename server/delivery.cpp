#include "server/delivery.h"

#include <algorithm>
#include <utility>

#include "dicom/error.h"
#include "server/backoff.h"
#include "server/error_table.h"

namespace metserve::server {
namespace {

/// Longer than the objects of one result, some hundred images among them, take on a slow line.
constexpr std::chrono::minutes lease{10};
constexpr std::chrono::milliseconds poll_interval{1000};

using Outcome = dicom::SendResult::Outcome;

/// Nobody was reached. An association that broke is no outage: one object may be the reason for it.
bool is_outage(const std::vector<dicom::SendResult>& results) {
  return std::all_of(results.begin(), results.end(), [](const dicom::SendResult& result) {
    return result.outcome == Outcome::transient && !result.reached;
  });
}

/// For those who may look at the study, with what the destination says in words; the log has the reason
/// alone.
std::string told(const dicom::SendResult& result) {
  return result.comment.empty() ? result.reason : result.reason + ": " + result.comment;
}

}  // namespace

Delivery::Delivery(DestinationConfig config, std::unique_ptr<Destination> destination,
                   DeliveryContext context)
    : config_(std::move(config)),
      destination_(std::move(destination)),
      context_(std::move(context)),
      thread_([this] { run(); }) {}

Delivery::~Delivery() {
  stop_soon();
  thread_.join();
}

void Delivery::stop_soon() {
  {
    const std::scoped_lock lock(mutex_);
    stop_.request_stop();
  }
  changed_.notify_all();
}

void Delivery::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Delivery::run() {
  for (std::unique_lock lock(mutex_); !stop_.stop_requested();) {
    if (std::exchange(woken_, false)) away_until_ = {};
    lock.unlock();
    bool more = false;
    try {
      more = work_once();
    } catch (const std::exception& error) {
      context_.log.write(handling(error).log_level, "delivery to " + config_.name + ": " + reason_of(error));
    }
    lock.lock();
    if (!more) changed_.wait_for(lock, poll_interval, [this] { return stop_.stop_requested() || woken_; });
  }
}

/// False when there was nothing to do.
bool Delivery::work_once() {
  if (std::chrono::steady_clock::now() < away_until_) return false;
  return deliver_once() || ask_for_commitment();
}

/// Sends one result's objects.
bool Delivery::deliver_once() {
  const auto claim = context_.store.claim_deliveries(config_.name, context_.storage.node(), lease);
  if (!claim) return false;
  std::vector<std::filesystem::path> files;
  for (const auto& item : claim->items) files.push_back(context_.storage.directory() / item.file);
  try {
    const auto results = destination_->send(files, stop_.get_token());
    for (std::size_t i = 0; i < results.size(); ++i) record(*claim, claim->items.at(i), results[i]);
    if (results.size() < claim->items.size()) {  // the server is stopping; a POST to an archive is broken off
      context_.store.hand_back(*claim, !config_.url.empty());
    }
    if (!results.empty()) note_reachability(results);
  } catch (const dicom::Error& error) {
    // A file of ours that cannot be read: no peer will make it better.
    for (const auto& item : claim->items) context_.store.record_attention(*claim, item, reason_of(error));
    throw;
  } catch (const std::exception&) {
    context_.store.hand_back(*claim, true);
    throw;
  }
  return true;
}

/// While a destination is away, the queue behind it is not tried out item by item; when it is back, the queue
/// need not wait for the times that were set during the outage.
void Delivery::note_reachability(const std::vector<dicom::SendResult>& results) {
  if (is_outage(results)) {
    away_until_ = std::chrono::steady_clock::now() + wait_after(outages_++);
  } else if (std::exchange(outages_, 0) > 0) {
    context_.store.hurry_deliveries(config_.name);
    context_.log.info(config_.name + " is back");
  }
}

void Delivery::record(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                      const dicom::SendResult& result) {
  const std::string what = item.object + " to " + config_.name;
  switch (result.outcome) {
    case Outcome::delivered:
      return record_arrival(claim, item, result);
    case Outcome::transient: {
      const auto wait = wait_after(item.tries);
      context_.store.record_retry(claim, item, wait, told(result), result.unanswered);
      context_.log.warning(
          what + ": " + result.reason + "; again in " + std::to_string(wait.count() / 1000) + " s",
          claim.key);
      context_.metrics.delivery(config_.name, "retry");
      return;
    }
    case Outcome::permanent:
      context_.store.record_attention(claim, item, told(result));
      context_.log.error(what + " needs attention: " + result.reason, claim.key);
      context_.metrics.delivery(config_.name, "attention");
      return;
  }
}

void Delivery::record_arrival(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                              const dicom::SendResult& result) {
  const std::string what = item.object + " to " + config_.name;
  if (!result.reason.empty()) context_.log.warning(what + ": " + result.reason, claim.key);
  if (config_.storage_commitment) {
    context_.store.record_stored(claim, item, result.sop_instance_uid);
    context_.log.info(what + ": stored, not yet committed to", claim.key);
    context_.metrics.delivery(config_.name, "stored");
    return;
  }
  context_.store.record_delivered(claim, item, told(result));
  context_.log.info(what + ": delivered", claim.key);
  context_.audit.delivered(claim.key, item.object, config_.name);
  context_.metrics.delivery(config_.name, result.reason.empty() ? "delivered" : "warning");
}

std::vector<dicom::SopReference> Delivery::references(const DeliveryClaim& claim) {
  std::vector<dicom::SopReference> instances;
  try {
    for (const auto& item : claim.items) {
      instances.push_back(dicom::sop_reference(context_.storage.directory() / item.file));
    }
  } catch (const dicom::Error& error) {
    for (const auto& item : claim.items) context_.store.record_attention(claim, item, reason_of(error));
    throw;
  }
  return instances;
}

/// PS3.4 annex J: the answer comes later, over an association of the destination's.
bool Delivery::ask_for_commitment() {
  if (!config_.storage_commitment) return false;
  const auto claim = context_.store.claim_stored(config_.name, context_.storage.node(), lease);
  if (!claim) return false;
  const auto instances = references(*claim);
  const auto now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(context_.clock().time_since_epoch());
  const dicom::UidSource uids(context_.uid_root, claim->key + "/" + config_.name + "/" +
                                                     instances.front().sop_instance_uid + "/" +
                                                     std::to_string(now_us.count()));
  const std::string transaction_uid = uids.uid("storage commitment");
  context_.store.record_asked(*claim, transaction_uid, config_.commitment_wait);
  try {
    destination_->request_commitment(transaction_uid, instances);
    context_.log.info("asked " + config_.name + " for storage commitment", claim->key);
  } catch (const dicom::Error& error) {
    record_refusal(transaction_uid, error);
  }
  return true;
}

/// The destination could not be asked, or does not want to be.
void Delivery::record_refusal(const std::string& transaction_uid, const std::exception& error) {
  const auto claim = context_.store.claim_transaction(transaction_uid, context_.storage.node(), lease);
  if (!claim) return;
  const bool for_good = kind_of(error) == ErrorKind::peer_permanent;
  for (const auto& item : claim->items) {
    if (for_good) {
      context_.store.record_attention(*claim, item, reason_of(error));
    } else {
      context_.store.record_retry(*claim, item, wait_after(item.tries), reason_of(error), false);
    }
  }
  context_.log.write(handling(error).log_level,
                     "storage commitment of " + config_.name + ": " + reason_of(error), claim->key);
  context_.metrics.delivery(config_.name, for_good ? "attention" : "retry");
}

std::chrono::milliseconds Delivery::wait_after(int tries) {
  return backoff(config_.retry, tries, std::uniform_real_distribution<double>(0, 1)(random_));
}

}  // namespace metserve::server
