#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace metserve::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric sample(MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

MetricFamily family(const char* name, const char* help, MetricType type, std::vector<ClientMetric> samples) {
  MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  made.metric = std::move(samples);
  return made;
}

MetricFamily one(const char* name, const char* help, MetricType type, double value) {
  return family(name, help, type, {sample(type, value)});
}

MetricFamily studies_by_state(const StoreCounts& counts) {
  std::vector<ClientMetric> samples;
  for (int i = 0; i <= static_cast<int>(StudyState::failed); ++i) {
    const auto state = static_cast<StudyState>(i);
    const auto found = counts.studies.find(state);
    const double value = found == counts.studies.end() ? 0 : found->second;
    samples.push_back(sample(MetricType::Gauge, value, {{"state", std::string(to_string(state))}}));
  }
  return family("metserve_studies", "Studies in the store by state", MetricType::Gauge, std::move(samples));
}

MetricFamily deliveries_by_state(const StoreCounts& counts) {
  std::vector<ClientMetric> samples;
  for (int i = 0; i <= static_cast<int>(DeliveryState::superseded); ++i) {
    const auto state = static_cast<DeliveryState>(i);
    const auto found = counts.deliveries.find(state);
    const double value = found == counts.deliveries.end() ? 0 : found->second;
    samples.push_back(sample(MetricType::Gauge, value, {{"state", std::string(to_string(state))}}));
  }
  return family("metserve_deliveries", "Objects for destinations by state", MetricType::Gauge,
                std::move(samples));
}

MetricFamily expiries(const MetricsSnapshot& now) {
  std::vector<ClientMetric> samples;
  for (const auto& [of, time] : now.expiries)
    samples.push_back(sample(MetricType::Gauge, time.count(), {{"of", of}}));
  return family("metserve_certificate_expiry_seconds", "Time until what TLS needs is out of date",
                MetricType::Gauge, std::move(samples));
}

std::vector<MetricFamily> families_of(const MetricsSnapshot& now) {
  constexpr MetricType counter = MetricType::Counter, gauge = MetricType::Gauge;
  const auto as_double = [](auto value) { return static_cast<double>(value); };
  return {
      family("metserve_associations_total", "DICOM associations asked for", counter,
             {sample(counter, as_double(now.dicom.associations_accepted), {{"outcome", "accepted"}}),
              sample(counter, as_double(now.dicom.associations_rejected), {{"outcome", "rejected"}})}),
      one("metserve_associations_open", "DICOM associations now", gauge,
          as_double(now.dicom.associations_open)),
      one("metserve_received_bytes_total", "Bytes of images received", counter, as_double(now.dicom.bytes)),
      one("metserve_images_refused_total", "C-STORE requests answered without success", counter,
          as_double(now.dicom.refused)),
      studies_by_state(now.counts),
      deliveries_by_state(now.counts),
      one("metserve_delivery_longest_wait_seconds",
          "Age of the oldest result that a destination has not taken", gauge,
          std::chrono::duration<double>(now.counts.longest_wait).count()),
      one("metserve_disk_free_bytes", "Free space of the storage directory", gauge,
          as_double(now.free_bytes)),
      family("metserve_workers", "Workers by state", gauge,
             {sample(gauge, now.workers, {{"state", "all"}}),
              sample(gauge, now.workers_ready, {{"state", "ready"}}),
              sample(gauge, now.workers_busy, {{"state", "busy"}})}),
  };
}

const prometheus::Histogram::BucketBoundaries commit_seconds{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                                             0.05,   0.1,   0.2,   0.5,   1,    5};
const prometheus::Histogram::BucketBoundaries commit_images{1, 2, 4, 8, 16, 32, 64, 128, 256};
const prometheus::Histogram::BucketBoundaries stage_seconds{0.1, 0.25, 0.5, 1,  2.5, 5,   10,
                                                            20,  30,   60,  90, 120, 300, 600};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& images = prometheus::BuildCounter()
                                                        .Name("metserve_images_total")
                                                        .Help("Images made durable, by outcome")
                                                        .Register(registry);
  prometheus::Histogram& commits = prometheus::BuildHistogram()
                                       .Name("metserve_commit_seconds")
                                       .Help("Duration of commits of images to stable storage")
                                       .Register(registry)
                                       .Add({}, commit_seconds);
  prometheus::Histogram& batches = prometheus::BuildHistogram()
                                       .Name("metserve_commit_images")
                                       .Help("Images that shared one commit")
                                       .Register(registry)
                                       .Add({}, commit_images);
  prometheus::Family<prometheus::Histogram>& stages = prometheus::BuildHistogram()
                                                          .Name("metserve_stage_seconds")
                                                          .Help("Time of a study in each stage")
                                                          .Register(registry);
  prometheus::Family<prometheus::Counter>& jobs = prometheus::BuildCounter()
                                                      .Name("metserve_jobs_total")
                                                      .Help("Jobs that ended, by outcome")
                                                      .Register(registry);
  prometheus::Family<prometheus::Counter>& deliveries = prometheus::BuildCounter()
                                                            .Name("metserve_delivery_tries_total")
                                                            .Help("Objects sent, by destination and outcome")
                                                            .Register(registry);
};

Metrics::Metrics(const std::string& model_name, const std::string& model_version)
    : impl_(std::make_unique<Impl>()) {
  prometheus::BuildGauge()
      .Name("metserve_build_info")
      .Help("Versions of program and model")
      .Register(impl_->registry)
      .Add({{"version", METSERVE_VERSION}, {"model", model_name}, {"model_version", model_version}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::image(AddOutcome outcome) {
  const char* name = outcome == AddOutcome::added       ? "added"
                     : outcome == AddOutcome::duplicate ? "duplicate"
                                                        : "conflict";
  impl_->images.Add({{"outcome", name}}).Increment();
}

void Metrics::commit(std::size_t images, std::chrono::duration<double> duration) {
  impl_->batches.Observe(static_cast<double>(images));
  impl_->commits.Observe(duration.count());
}

void Metrics::stage(const std::string& stage, double seconds) {
  impl_->stages.Add({{"stage", stage}}, stage_seconds).Observe(seconds);
}

void Metrics::job(const std::string& outcome) {
  impl_->jobs.Add({{"outcome", outcome}}).Increment();
}

void Metrics::delivery(const std::string& destination, const std::string& outcome) {
  impl_->deliveries.Add({{"destination", destination}, {"outcome", outcome}}).Increment();
}

std::string Metrics::text(const MetricsSnapshot& snapshot) const {
  std::vector<MetricFamily> all = impl_->registry.Collect();
  for (MetricFamily& made : families_of(snapshot)) all.push_back(std::move(made));
  if (!snapshot.expiries.empty()) all.push_back(expiries(snapshot));
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace metserve::server
