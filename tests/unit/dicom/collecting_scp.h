#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "dicom/store_scp.h"

namespace metserve::dicom::test {

inline StoreScpOptions on_free_port() {
  StoreScpOptions options;
  options.bind_address = "127.0.0.1";
  options.port = 0;
  return options;
}

/// A storage SCP that keeps what it receives.
class CollectingScp {
 public:
  explicit CollectingScp(StoreScpOptions options = on_free_port())
      : scp_(std::move(options), [this](ReceivedInstance&& instance) {
          const std::scoped_lock lock(mutex_);
          instances_.push_back(std::move(instance));
          return StoreStatus::success;
        }) {}

  std::vector<ReceivedInstance> instances() const {
    const std::scoped_lock lock(mutex_);
    return instances_;
  }
  const StoreScp& scp() const { return scp_; }
  std::uint16_t port() const { return scp_.port(); }

 private:
  mutable std::mutex mutex_;
  std::vector<ReceivedInstance> instances_;
  StoreScp scp_;
};

}  // namespace metserve::dicom::test
