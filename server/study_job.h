#pragma once

#include <exception>
#include <functional>
#include <string>

#include "dicom/identity.h"
#include "models/segmenter.h"
#include "server/config.h"
#include "server/logging.h"
#include "server/metrics.h"
#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Tries of one content before its study is set aside, unless it only lacks what comes back
/// (JobVerdict::wait_out).
inline constexpr int max_tries = 2;

/// What every job needs. The references outlive the jobs.
struct JobContext {
  Store& store;
  Storage& storage;
  Metrics& metrics;
  const Log& log;
  const Config& config;
  dicom::Clock clock;
};

enum class JobEnd {
  settled,  ///< a result, or a study set aside for what it is
  suspect,  ///< an error that may come from the device: it should be tried out
};

/// Carries one claimed study to its result, or to where its error puts it. One of the three edges where
/// errors are caught. `is_cancelled` is asked at every sign of progress; when it says so the study is handed
/// back.
JobEnd run_job(const Claim& claim, const models::Segmenter& segmenter, const JobContext& context,
               const std::function<bool()>& is_cancelled);

/// Ends a job over its worker's head, as a try that failed.
void end_stuck_job(const Claim& claim, const std::string& reason, const JobContext& context);

}  // namespace metserve::server
