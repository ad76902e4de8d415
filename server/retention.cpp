#include "server/retention.h"

#include <exception>

#include "server/error_table.h"

namespace metserve::server {

int delete_old_studies(const RetentionContext& context, std::chrono::milliseconds retention,
                       std::chrono::milliseconds elapsed) {
  context.store.age_finished(elapsed);
  int deleted = 0;
  for (const std::string& key : context.store.finished_for(retention)) {
    if (context.stop.stop_requested()) break;
    bool forgotten = false;
    try {
      context.storage.discard(key, [&] {
        if (!context.store.forget(key, retention)) return false;
        context.log.info("deleted: its retention time is over", key);
        context.audit.deleted(key, "retention");
        ++deleted;
        return forgotten = true;
      });
    } catch (const std::exception& error) {
      context.log.write(handling(error).log_level, reason_of(error), key);
      if (!forgotten) break;  // nor will the others be: the next sweep tries again
    }
  }
  return deleted;
}

}  // namespace metserve::server
