#include "server/retention.h"

namespace metserve::server {

void delete_old_studies(Storage& storage, Store& store, const StorageConfig& config,
                        const dicom::Clock& clock, const Log& log) {
  for (const std::string& key : store.finished_before(clock() - config.retention)) {
    storage.discard(key, [&] {
      const bool forgotten = store.forget(key);
      if (forgotten) log.info("deleted: its retention time is over", key);
      return forgotten;
    });
  }
}

}  // namespace metserve::server
