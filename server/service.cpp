#include "server/service.h"

#include <algorithm>
#include <utility>

#include "server/commitment.h"
#include "server/error_table.h"
#include "server/model_directory.h"
#include "server/retention.h"
#include "server/times.h"

namespace metserve::server {
namespace {

constexpr std::chrono::milliseconds collect_interval{250};
constexpr std::chrono::minutes retention_interval{10};
constexpr std::chrono::hours certificate_notice{30 * 24};
constexpr std::chrono::hours certificate_interval{24};
/// Whoever can reach /readyz may ask as often as he likes: the disk has to write once in so long.
constexpr std::chrono::seconds store_check_holds{5};

using Steady = std::chrono::steady_clock;

ReadinessCheck check(const std::string& name, const std::function<void()>& attempt) {
  try {
    attempt();
    return {name, true, "writable"};
  } catch (const std::exception& error) {
    return {name, false, reason_of(error)};
  }
}

}  // namespace

Service::Service(const Config& config, const Log& log)
    : config_(config),
      log_(log),
      clock_([] { return std::chrono::system_clock::now(); }),
      audit_(config.audit.file, clock_, log_),
      tls_(config.tls ? std::make_shared<dicom::Tls>(dicom::Tls::Role::server, *config.tls) : nullptr),
      access_(config.http.token_file),
      storage_(config.storage.directory, config.storage.min_free_bytes),
      store_(storage_.database_file(), clock_),
      administration_({storage_, store_, config_.destinations, log_, audit_,
                       [this] { receiver_->wipe_journal(); }, [this] { workers_->wake(); },
                       [this] { wake_deliveries(); }}),
      package_(models::ModelPackage::load(model_directory(config.model.directory),
                                          config.model.allow_torchscript)),
      metrics_(package_.manifest.name, package_.manifest.version) {
  receiver_ = std::make_unique<Receiver>(storage_, store_, metrics_, log_, config_.storage.journal);
  resume();
  start_deliveries();
  workers_ =
      std::make_unique<WorkerPool>(package_, JobContext{store_, storage_, metrics_, log_, config_, clock_},
                                   [this](const std::string& reason) {
                                     log_.error(reason + ": the server ends, so that it is started again");
                                     broken_ = true;
                                   });
  retention_ = std::make_unique<PeriodicTask>(
      "retention", retention_interval,
      [this, last = Steady::now()](const std::stop_token& stop) mutable {
        const auto now = Steady::now();
        const auto elapsed =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - std::exchange(last, now));
        const int deleted =
            delete_old_studies({storage_, store_, log_, audit_, stop}, config_.storage.retention, elapsed);
        if (deleted > 0) receiver_->wipe_journal();
      },
      log_);
  start_listening();
  collector_ = std::make_unique<PeriodicTask>(
      "collecting studies", collect_interval, [this, listening = Steady::now()] { collect(listening); },
      log_);
  if (tls_) {
    certificate_watch_ = std::make_unique<PeriodicTask>(
        "dicom.tls", certificate_interval, [this] { look_at_certificate(); }, log_);
  }
  http_ =
      std::make_unique<HttpServer>(config_.http, [this, state = http_state()](const HttpRequest& request) {
        return guarded(request, access_, audit_,
                       [&state](const HttpRequest& allowed) { return handle(allowed, state); });
      });
  audit_.started();
}

Service::~Service() {
  stop();
}

/// Takes up what the last run of this node left.
void Service::resume() {
  if (const std::size_t lost = storage_.settle(store_.keys()); lost > 0) {
    log_.warning(std::to_string(lost) + " studies that the database does not know are moved to " +
                 storage_.lost_directory().string() +
                 ": send them again (docs/operations.md, Restoring a backup), then delete that folder");
  }
  for (const std::string& key : store_.reclaim_own(storage_.node(), max_tries)) {
    log_.warning("was in work when the server ended", key);
  }
  store_.review_deliveries(config_.destinations);
}

void Service::start_deliveries() {
  const DeliveryContext context{store_, storage_, metrics_, log_, audit_, config_.identity.uid_root, clock_};
  for (const auto& destination : config_.destinations) {
    deliveries_.push_back(std::make_unique<Delivery>(
        destination, make_destination(destination, config_.dicom.ae_title), context));
  }
}

void Service::wake_deliveries() {
  for (const auto& delivery : deliveries_) delivery->wake();
}

/// Empty where no destination is asked for commitment: then nobody has anything to report.
dicom::CommitmentHandler Service::commitment_handler() {
  const bool asks = std::any_of(config_.destinations.begin(), config_.destinations.end(),
                                [](const DestinationConfig& one) { return one.storage_commitment; });
  if (!asks) return {};
  const auto retry_of = [this](const std::string& name) {
    const auto found = std::find_if(config_.destinations.begin(), config_.destinations.end(),
                                    [&](const DestinationConfig& one) { return one.name == name; });
    return found == config_.destinations.end() ? RetryConfig{} : found->retry;
  };
  return [this, retry_of](const dicom::CommitmentReport& report) {
    return record_commitment(report, {store_, metrics_, log_, audit_, storage_.node(), retry_of});
  };
}

void Service::start_listening() {
  dicom::StoreScpOptions options = config_.dicom;
  options.tls = tls_;
  options.on_association = [this](const dicom::AssociationEvent& event) { audit_.association(event); };
  const auto receive = [this](dicom::ReceivedInstance&& image) {
    const auto association = image.association;
    const std::string study = image.study_instance_uid;
    const auto status = receiver_->receive(std::move(image));
    if (status == dicom::StoreStatus::success) audit_.received(association, study);
    return status;
  };
  if (options.callers.empty()) log_.warning("dicom.callers is empty: whoever reaches this node may send");
  scp_ = std::make_unique<dicom::StoreScp>(options, receive, commitment_handler());
  dicom_port_ = scp_->port();
}

/// One that ends without anybody's notice ends everybody's reception.
void Service::look_at_certificate() {
  const auto look = [&](const std::filesystem::path& file, TimePoint end, std::chrono::hours notice) {
    const bool over = end < clock_(), soon = end < clock_() + notice;
    log_.write(over   ? LogLevel::error
               : soon ? LogLevel::warning
                      : LogLevel::info,
               file.string() + ": valid until " + iso_time(end) +
                   (over ? ": no caller gets in until there is a new one" : ""));
  };
  look(config_.tls->certificate, tls_->valid_until(), certificate_notice);
  if (!config_.tls->crl.empty()) look(config_.tls->crl, tls_->lists_valid_until(), std::chrono::hours(0));
}

void Service::reload() {
  const auto attempt = [this](const std::string& what, const std::function<void()>& read) {
    try {
      read();
      log_.info(what + ": read anew");
    } catch (const std::exception& error) {
      log_.error(what + ": stays as it was: " + reason_of(error));
    }
  };
  if (tls_) {
    attempt("dicom.tls", [this] { tls_->reload(); });
    look_at_certificate();
  }
  if (!config_.http.token_file.empty()) attempt("http.token_file", [this] { access_.reload(); });
  if (config_.audit.file) attempt("audit.file", [this] { audit_.reopen(); });
  log_.info("SIGHUP: what else has changed in the configuration takes effect at the next start");
}

/// Of a study that goes on while nothing can be received, or before anybody listens, nothing comes either:
/// such times are not quiet.
void Service::collect(Steady::time_point listening) {
  for (const std::string& key : store_.reclaim_expired(max_tries, workers_->claims()))
    log_.warning("its lease ended", key);
  if (Steady::now() - std::max(listening, receiver_->able_since()) < config_.study.quiet_time) return;
  const auto ready = store_.make_quiet_studies_ready(config_.study.quiet_time);
  for (const std::string& key : ready) log_.info("complete: quiet for the configured time", key);
  if (!ready.empty()) workers_->wake();
}

int Service::stop() {
  if (stopping_.exchange(true)) return 0;
  log_.info("stopping");
  for (const auto& delivery : deliveries_) delivery->stop_soon();
  stop_listening();
  retention_.reset();
  collector_.reset();
  certificate_watch_.reset();
  const int stuck = workers_->stop(config_.workers.stop_grace);
  if (stuck == 0) {
    http_.reset();
    workers_.reset();
    deliveries_.clear();
    receiver_.reset();
  }
  audit_.stopped();
  log_.info(stuck == 0 ? "stopped" : "stopped; " + std::to_string(stuck) + " workers did not react");
  return stuck;
}

void Service::stop_listening() {
  std::unique_ptr<dicom::StoreScp> scp;
  {
    const std::scoped_lock lock(scp_mutex_);
    scp = std::move(scp_);
  }
}

HttpState Service::http_state() {
  HttpState state;
  state.readiness = [this] { return readiness(); };
  state.metrics = [this] { return metrics_.text(snapshot()); };
  connect_studies(state, store_, administration_);
  return state;
}

std::vector<ReadinessCheck> Service::readiness() {
  const WorkerStatus workers = workers_->status();
  bool listening = false;
  {
    const std::scoped_lock lock(scp_mutex_);
    listening = scp_ != nullptr;
  }
  std::vector<ReadinessCheck> checks = {
      {"dicom", listening, listening ? "listening on port " + std::to_string(dicom_port_) : "stopped"},
      {"workers", workers.ready > 0 && !broken_,
       std::to_string(workers.ready) + " of " + std::to_string(workers.all) + " ready on " +
           config_.workers.device},
      check("storage", [this] { receiver_->require_able(); }),
      store_check(),
      deliveries(),
  };
  if (tls_) checks.push_back(certificate());
  return checks;
}

ReadinessCheck Service::store_check() {
  const std::scoped_lock lock(store_check_mutex_);
  if (!store_check_ends_ || Steady::now() >= *store_check_ends_) {
    store_check_ = check("store", [this] { store_.check_writable(); });
    store_check_ends_ = Steady::now() + store_check_holds;
  }
  return store_check_;
}

/// What has ended while the server ran keeps every caller out, though it listens.
ReadinessCheck Service::certificate() {
  const auto ended = [](const std::filesystem::path& file, TimePoint end) {
    return ReadinessCheck{"dicom.tls", false,
                          file.string() + ": valid until " + iso_time(end) +
                              ": no caller gets in; put a new one there and reload"};
  };
  const dicom::TlsOptions& files = *config_.tls;
  const auto end = tls_->valid_until();
  if (end < clock_()) return ended(files.certificate, end);
  if (const auto lists_end = tls_->lists_valid_until(); !files.crl.empty() && lists_end < clock_())
    return ended(files.crl, lists_end);
  return {"dicom.tls", true, "certificate valid until " + iso_time(end)};
}

/// Objects that are stuck need a person; the server itself can do its work.
ReadinessCheck Service::deliveries() {
  auto counts = store_.counts().deliveries;
  const int stuck = counts[DeliveryState::attention];
  const int on_their_way = counts[DeliveryState::pending] + counts[DeliveryState::stored];
  std::string detail = std::to_string(on_their_way) + " objects on their way";
  if (stuck > 0)
    detail += ", " + std::to_string(stuck) + " need attention: metserve studies list --attention";
  return {"deliveries", true, detail};
}

MetricsSnapshot Service::snapshot() {
  MetricsSnapshot now;
  {
    const std::scoped_lock lock(scp_mutex_);
    if (scp_) now.dicom = scp_->counters();
  }
  now.counts = store_.counts();
  now.free_bytes = storage_.free_bytes();
  if (tls_) now.expiries["certificate"] = tls_->valid_until() - clock_();
  if (tls_ && !config_.tls->crl.empty()) now.expiries["crl"] = tls_->lists_valid_until() - clock_();
  const WorkerStatus workers = workers_->status();
  now.workers = workers.all;
  now.workers_ready = workers.ready;
  now.workers_busy = workers.busy;
  return now;
}

}  // namespace metserve::server
