#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "dicom/identity.h"
#include "server/audit.h"
#include "server/config.h"
#include "server/destination.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// What the deliveries to all destinations share.
struct DeliveryContext {
  Store& store;
  Storage& storage;
  Metrics& metrics;
  const Log& log;
  Audit& audit;
  std::string uid_root;  ///< for transaction UIDs
  dicom::Clock clock;
};

/// Sends what is due to one destination, on a thread of its own: a destination that is slow or away keeps
/// nobody else waiting, and while it is away it is tried with one result at a time and growing waits, however
/// many are queued. Thread safety: constructor and destructor on one thread, the others from any.
class Delivery {
 public:
  Delivery(DestinationConfig config, std::unique_ptr<Destination> destination, DeliveryContext context);
  ~Delivery();  ///< waits until what is under way has ended

  /// Begins nothing more, no other object of a result either, and does not wait: several deliveries can be
  /// ended together.
  void stop_soon();

  /// Looks for work now, also at a destination that was away.
  void wake();

 private:
  void run();
  bool work_once();
  bool deliver_once();
  void note_reachability(const std::vector<dicom::SendResult>& results);
  void record(const DeliveryClaim& claim, const DeliveryClaim::Item& item, const dicom::SendResult& result);
  void record_arrival(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                      const dicom::SendResult& result);
  std::vector<dicom::SopReference> references(const DeliveryClaim& claim);
  bool ask_for_commitment();
  void record_refusal(const std::string& transaction_uid, const std::exception& error);
  std::chrono::milliseconds wait_after(int tries);

  DestinationConfig config_;
  std::unique_ptr<Destination> destination_;
  DeliveryContext context_;
  std::mt19937_64 random_{std::random_device{}()};
  int outages_ = 0;  ///< tries in a row that did not reach the destination
  std::mutex mutex_;
  std::condition_variable changed_;
  std::stop_source stop_;
  bool woken_ = false;                                ///< under the mutex
  std::chrono::steady_clock::time_point away_until_;  ///< of this thread
  std::thread thread_;
};

}  // namespace metserve::server
