#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dicom/store_scu.h"
#include "server/config.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// `dicom::send_instances`, or what a test puts in its place.
using Sender = std::function<std::vector<dicom::SendResult>(const dicom::Peer&,
                                                            const std::vector<std::filesystem::path>&)>;

/// What the deliveries to all destinations share.
struct DeliveryContext {
  Store& store;
  Storage& storage;
  Metrics& metrics;
  const Log& log;
  std::string calling_ae_title;
  Sender send = dicom::send_instances;
};

/// Sends what is due to one destination, on a thread of its own: a destination that is slow or away keeps
/// nobody else waiting. Thread safety: constructor and destructor on one thread.
class Delivery {
 public:
  Delivery(DestinationConfig destination, DeliveryContext context);
  ~Delivery();  ///< lets an association under way end

 private:
  void run();
  bool deliver_once();
  void record(const DeliveryClaim& claim, const DeliveryClaim::Item& item, const dicom::SendResult& result);

  DestinationConfig destination_;
  DeliveryContext context_;
  dicom::Peer peer_;
  std::mt19937_64 random_{std::random_device{}()};
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace metserve::server
