#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "dicom/store_scp.h"
#include "server/store.h"

namespace metserve::server {

/// What is read off the server at the moment of a scrape.
struct MetricsSnapshot {
  dicom::StoreScpCounters dicom;
  StoreCounts counts;
  std::uint64_t free_bytes = 0;
  int workers = 0, workers_ready = 0, workers_busy = 0;
  /// Of `certificate` and `crl` under TLS: until then, negative when it is over.
  std::map<std::string, std::chrono::duration<double>> expiries{};
};

/// Prometheus metrics; names and meanings in docs/operations.md. Thread safety: all members from any thread.
class Metrics {
 public:
  Metrics(const std::string& model_name, const std::string& model_version);
  ~Metrics();

  void image(AddOutcome outcome);
  void commit(std::size_t images, std::chrono::duration<double> duration);
  /// `stage`: wait (quiet until claimed), load, register, preprocess, infer, postprocess, encode.
  void stage(const std::string& stage, double seconds);
  /// A job has ended so.
  void job(const std::string& outcome);
  /// `outcome`: delivered, retry, attention.
  void delivery(const std::string& destination, const std::string& outcome);

  /// Prometheus text format 0.0.4.
  std::string text(const MetricsSnapshot& snapshot) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metserve::server
