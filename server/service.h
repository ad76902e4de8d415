#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dicom/store_scp.h"
#include "server/administration.h"
#include "server/audit.h"
#include "server/config.h"
#include "server/delivery.h"
#include "server/http_access.h"
#include "server/http_server.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/periodic_task.h"
#include "server/receiver.h"
#include "server/sqlite_store.h"
#include "server/storage.h"
#include "server/worker_pool.h"

namespace metserve::server {

/// The running server: what is received, collected, worked on and delivered, and who may look. Constructed
/// means that it accepts studies and can segment them. Thread safety: one thread makes, stops and destroys
/// it.
class Service {
 public:
  /// `config` and `log` outlive it. Throws the errors of its parts.
  Service(const Config& config, const Log& log);
  ~Service();

  std::uint16_t dicom_port() const { return dicom_port_; }
  std::uint16_t http_port() const { return http_->port(); }
  const models::Manifest& model() const { return package_.manifest; }

  /// A device failed for good: the process should be restarted.
  bool broken() const { return broken_; }

  /// Reads certificates, keys and tokens again and opens the audit trail anew; what is wrong is logged and
  /// leaves what there was.
  void reload();

  /// Accepts nothing more, lets studies in work finish or hands them back, lets deliveries under way end.
  /// Returns how many workers did not react; when it is not 0 the process must end without destroying this
  /// object.
  int stop();

 private:
  void resume();
  void start_deliveries();
  void wake_deliveries();
  dicom::CommitmentHandler commitment_handler();
  void collect(std::chrono::steady_clock::time_point listening);
  void start_listening();
  void look_at_certificate();
  ReadinessCheck certificate();
  ReadinessCheck store_check();
  void stop_listening();
  HttpState http_state();
  std::vector<ReadinessCheck> readiness();
  ReadinessCheck deliveries();
  MetricsSnapshot snapshot();

  const Config& config_;
  const Log& log_;
  dicom::Clock clock_;
  Audit audit_;
  std::shared_ptr<dicom::Tls> tls_;  ///< empty: in the clear
  HttpAccess access_;
  Storage storage_;
  SqliteStore store_;
  Administration administration_;
  models::ModelPackage package_;
  Metrics metrics_;
  std::atomic<bool> broken_{false}, stopping_{false};
  std::unique_ptr<Receiver> receiver_;  ///< before the threads that have its journal wiped
  std::vector<std::unique_ptr<Delivery>> deliveries_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<PeriodicTask> collector_, retention_, certificate_watch_;
  std::mutex scp_mutex_;
  std::unique_ptr<dicom::StoreScp> scp_;  ///< under the mutex: HTTP looks at it while it is stopped
  std::uint16_t dicom_port_ = 0;
  std::mutex store_check_mutex_;
  ReadinessCheck store_check_;  ///< under that mutex; made anew when it ends, at first without an end
  std::optional<std::chrono::steady_clock::time_point> store_check_ends_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace metserve::server
