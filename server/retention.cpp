#include "server/retention.h"

namespace metserve::server {

int delete_old_studies(Storage& storage, Store& store, const StorageConfig& config, const dicom::Clock& clock,
                       const Log& log) {
  int deleted = 0;
  for (const std::string& key : store.finished_before(clock() - config.retention)) {
    storage.discard(key, [&] {
      const bool forgotten = store.forget(key);
      if (forgotten) log.info("deleted: its retention time is over", key);
      deleted += forgotten ? 1 : 0;
      return forgotten;
    });
  }
  return deleted;
}

}  // namespace metserve::server
