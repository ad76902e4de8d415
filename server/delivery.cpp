#include "server/delivery.h"

#include <utility>

#include "dicom/error.h"
#include "server/backoff.h"
#include "server/error_table.h"

namespace metserve::server {
namespace {

/// Longer than an association with three objects can take before its own timeouts end it.
constexpr std::chrono::minutes lease{10};
constexpr std::chrono::milliseconds poll_interval{1000};

dicom::Peer peer_of(const DestinationConfig& destination, const std::string& calling_ae_title) {
  dicom::Peer peer;
  peer.host = destination.host;
  peer.port = destination.port;
  peer.called_ae_title = destination.ae_title;
  peer.calling_ae_title = calling_ae_title;
  return peer;
}

}  // namespace

Delivery::Delivery(DestinationConfig destination, DeliveryContext context)
    : destination_(std::move(destination)),
      context_(std::move(context)),
      peer_(peer_of(destination_, context_.calling_ae_title)),
      thread_([this] { run(); }) {}

Delivery::~Delivery() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void Delivery::run() {
  for (std::unique_lock lock(mutex_); !stopping_;) {
    lock.unlock();
    bool more = false;
    try {
      more = deliver_once();
    } catch (const std::exception& error) {
      context_.log.write(handling(error).log_level,
                         "delivery to " + destination_.name + ": " + reason_of(error));
    }
    lock.lock();
    if (!more) stop_.wait_for(lock, poll_interval, [this] { return stopping_; });
  }
}

/// Sends one result's objects; false when nothing was due.
bool Delivery::deliver_once() {
  const auto claim = context_.store.claim_deliveries(destination_.name, context_.storage.node(), lease);
  if (!claim) return false;
  std::vector<std::filesystem::path> files;
  for (const auto& item : claim->items) files.push_back(context_.storage.directory() / item.file);
  try {
    const auto results = context_.send(peer_, files);
    for (std::size_t i = 0; i < results.size(); ++i) record(*claim, claim->items.at(i), results[i]);
  } catch (const dicom::Error& error) {
    // A file of ours that cannot be read: no peer will make it better.
    for (const auto& item : claim->items) context_.store.record_attention(*claim, item, reason_of(error));
    throw;
  }
  return true;
}

void Delivery::record(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                      const dicom::SendResult& result) {
  const std::string what = item.object + " to " + destination_.name;
  switch (result.outcome) {
    case dicom::SendResult::Outcome::delivered:
      context_.store.record_delivered(claim, item);
      context_.log.info(what + ": delivered", claim.key);
      context_.metrics.delivery(destination_.name, "delivered");
      return;
    case dicom::SendResult::Outcome::transient: {
      const auto wait =
          backoff(destination_.retry, item.tries, std::uniform_real_distribution<double>(0, 1)(random_));
      context_.store.record_retry(claim, item, wait, result.reason);
      context_.log.warning(
          what + ": " + result.reason + "; again in " + std::to_string(wait.count() / 1000) + " s",
          claim.key);
      context_.metrics.delivery(destination_.name, "retry");
      return;
    }
    case dicom::SendResult::Outcome::permanent:
      context_.store.record_attention(claim, item, result.reason);
      context_.log.error(what + " needs attention: " + result.reason, claim.key);
      context_.metrics.delivery(destination_.name, "attention");
      return;
  }
}

}  // namespace metserve::server
