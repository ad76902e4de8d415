#include "server/study_job.h"

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>

#include <spdlog/fmt/fmt.h>

#include "dicom/study.h"
#include "pipeline/segment_study.h"
#include "server/backoff.h"
#include "server/error.h"
#include "server/error_table.h"
#include "server/intact_images.h"
#include "server/predecessor.h"

namespace metserve::server {
namespace {

constexpr std::chrono::seconds retry_wait{30};
constexpr RetryConfig shortage;  // 30 s doubled to half an hour: with as many tries it lasts a day
constexpr int most_shortages = 53;

/// Whether any destination asks for objects of this kind: others are not even written.
bool is_wanted(ObjectKind kind, const std::vector<DestinationConfig>& destinations) {
  return std::any_of(destinations.begin(), destinations.end(), [&](const DestinationConfig& destination) {
    return std::find(destination.objects.begin(), destination.objects.end(), kind) !=
           destination.objects.end();
  });
}

pipeline::SegmentOptions segment_options(const Claim& claim, const Config& config) {
  pipeline::SegmentOptions options;
  options.match.decided = claim.decisions;
  options.match.minimum_confidence = config.study.minimum_match_confidence;
  options.match.rules = config.study.series_rules;
  options.acceptance.require_post_gd_t1 = config.study.require_post_gd_t1;
  options.acceptance.required = config.study.required_sequences;
  options.rule = config.model.rule;
  options.keep_probability = is_wanted(ObjectKind::probability, config.destinations);
  return options;
}

/// Empty paths for what was not written.
std::vector<std::filesystem::path> files_of(const pipeline::ResultFiles& files, ObjectKind kind) {
  switch (kind) {
    case ObjectKind::segmentation:
      return {files.segmentation};
    case ObjectKind::structure_set:
      return {files.structure_set};
    case ObjectKind::probability:
      return {files.probability};
    case ObjectKind::key_images:
      return files.key_images;
    case ObjectKind::axial: {
      if (files.axial_images.empty()) return {files.structure_set};
      auto all = files.axial_images;
      all.push_back(files.axial_structure_set);
      return all;
    }
    case ObjectKind::report:
      break;
  }
  return {files.report};
}

/// Everything that was written and that a destination asks for, once.
std::vector<DeliveryOrder> orders_for(const pipeline::ResultFiles& files,
                                      const std::filesystem::path& directory,
                                      const std::vector<DestinationConfig>& destinations) {
  std::vector<DeliveryOrder> orders;
  for (const DestinationConfig& destination : destinations) {
    std::set<std::filesystem::path> ordered;
    for (const ObjectKind kind : destination.objects)
      for (const auto& file : files_of(files, kind))
        if (!file.empty() && ordered.insert(file).second)
          orders.push_back({destination.name, file.stem().string(), directory / file.filename()});
  }
  return orders;
}

void report_timings(const pipeline::Timings& timings, Metrics& metrics) {
  metrics.stage("load", timings.load);
  metrics.stage("register", timings.register_);
  metrics.stage("preprocess", timings.preprocess);
  metrics.stage("infer", timings.infer);
  metrics.stage("postprocess", timings.postprocess);
  metrics.stage("encode", timings.encode);
}

/// Every image of the study, as headers. What the sender sent broken is left out; an image of ours that is
/// gone or damaged is a broken disk, not a smaller study.
dicom::Study scan(const Claim& claim, const JobContext& context, const std::function<void()>& check_cancel) {
  dicom::Study study =
      dicom::scan_study(intact_images(claim.images, context.storage, check_cancel), check_cancel);
  for (const auto& unreadable : study.unreadable) {
    context.log.warning("left out: " + unreadable.path.filename().string() + ": " + unreadable.reason,
                        claim.key);
  }
  return study;
}

/// What the study's series are, for whoever looks at it.
std::vector<SeriesFinding> findings(const dicom::Study& study, const pipeline::StudyMatch& match) {
  std::vector<SeriesFinding> all;
  for (const pipeline::SeriesMatch& one : match.series) {
    const dicom::SeriesHeader& header = study.series[one.series].header;
    all.push_back({header.series_instance_uid, header.series_number, header.series_description, header.images,
                   one.slot, std::string(pipeline::to_string(one.decision)), one.confidence,
                   one.reasons.empty() ? "" : one.reasons.front()});
  }
  return all;
}

/// Folders of earlier results of the study; empty where there is none. Results lie beside each other by
/// revision; one that was voided is on the disk but not in the store.
struct EarlierResults {
  std::filesystem::path current;  ///< the last one
  std::filesystem::path arrived;  ///< the last one of which an archive has anything
  bool lesions_arrived = false;   ///< a destination has drawings of any of them
};

EarlierResults earlier_results(const Claim& claim, const std::filesystem::path& directory, Store& store) {
  EarlierResults earlier;
  const auto details = store.study(claim.key);
  if (!details) return earlier;
  for (const ResultSummary& result : details->results) {
    const auto folder = directory.parent_path() / std::to_string(result.revision);
    if (!result.superseded) earlier.current = folder;
    if (result.arrived) earlier.arrived = folder;
    earlier.lesions_arrived |= result.drawing_arrived;
  }
  return earlier;
}

/// What cannot be written on a full disk can be when there is room again.
pipeline::ResultFiles encode(pipeline::StudyResult& result, const pipeline::EncodeOptions& options,
                             const Storage& storage, const std::filesystem::path& directory) {
  constexpr std::uint64_t room_bytes = std::uint64_t{64} << 20;
  try {
    return pipeline::encode_result(result, options, storage.directory() / directory);
  } catch (const std::exception& error) {
    if (kind_of(error) != ErrorKind::io || storage.free_bytes() >= room_bytes) throw;
    throw Error(Error::Kind::out_of_resources, std::string("no space for the result: ") + error.what());
  }
}

FinishOutcome make_result(const Claim& claim, const models::Segmenter& segmenter, const JobContext& context,
                          const std::function<void()>& check_cancel) {
  const dicom::Study study = scan(claim, context, check_cancel);
  const auto options = segment_options(claim, context.config);
  context.store.record_series(claim, findings(study, pipeline::match_study(study, options.match)));
  auto result =
      pipeline::segment_study(study, segmenter, options, [&](pipeline::Stage, double) { check_cancel(); });
  compare_with_predecessor(result, claim, context);

  const auto directory = context.storage.make_result_directory(claim.key, claim.revision);
  const auto earlier = earlier_results(claim, context.storage.directory() / directory, context.store);
  if (earlier.lesions_arrived && result.lesions.lesions.empty()) {
    result.warnings.emplace_back(
        "an earlier result of this study had lesions: its segmentation and structure set hold no longer");
    context.log.warning(
        "no lesion any more: segmentation and structure set of an earlier result lie at its destinations",
        claim.key);
  }
  const pipeline::EncodeOptions encode_options{context.config.identity.uid_root,
                                               context.config.identity.series_number_offset,
                                               context.clock,
                                               earlier.arrived,
                                               earlier.current,
                                               context.config.results.all_frames,
                                               is_wanted(ObjectKind::key_images, context.config.destinations),
                                               is_wanted(ObjectKind::axial, context.config.destinations)};
  const auto written = encode(result, encode_options, context.storage, directory);
  context.storage.sync_result(directory);
  // Before the archive can send them back to us.
  if (!written.axial_series_uid.empty()) context.store.record_own_series(claim, written.axial_series_uid);
  const auto outcome =
      context.store.finish(claim, directory, orders_for(written, directory, context.config.destinations));
  report_timings(result.timings, context.metrics);
  context.log.info(fmt::format("{} lesions from {} sequences in {:.1f} s of work",
                               result.lesions.lesions.size(), result.subset.count(),
                               std::chrono::duration<double>(context.clock() - claim.ready_since).count()),
                   claim.key);
  return outcome;
}

/// Puts the study where the error's kind says. Returns what the metrics call it.
std::string settle_error(const Claim& claim, const std::exception& error, const JobContext& context) {
  const ErrorHandling& how = handling(error);
  const std::string reason = reason_of(error);
  context.log.write(how.log_level, told_of(error), claim.key);
  const auto outcome = [](StudyState state) { return state == StudyState::failed ? "failed" : "retry"; };
  switch (how.verdict) {
    case JobVerdict::skip:
      return std::string(to_string(context.store.set_aside(claim, StudyState::skipped, reason)));
    case JobVerdict::hold:
      return std::string(to_string(context.store.set_aside(claim, StudyState::held, reason)));
    case JobVerdict::fail:
      return std::string(to_string(context.store.set_aside(claim, StudyState::failed, reason)));
    case JobVerdict::retry:
      return outcome(context.store.retry(claim, reason, retry_wait, max_tries));
    case JobVerdict::wait_out:
      return outcome(
          context.store.wait_out(claim, reason, backoff(shortage, claim.shortages, 0), most_shortages));
    case JobVerdict::hand_back:
      context.store.hand_back(claim);
      return "handed back";
    case JobVerdict::abandon:
      break;
  }
  return "lease lost";
}

JobEnd end_with_error(const Claim& claim, const std::exception& error, const JobContext& context) {
  try {
    context.metrics.job(settle_error(claim, error, context));
  } catch (const std::exception& second) {
    // The database is away or the lease is lost; the lease's end will give the study to somebody.
    context.log.write(handling(second).log_level, reason_of(second), claim.key);
    context.metrics.job("unrecorded");
  }
  const ErrorKind kind = kind_of(error);
  return kind == ErrorKind::device || kind == ErrorKind::internal ? JobEnd::suspect : JobEnd::settled;
}

}  // namespace

JobEnd run_job(const Claim& claim, const models::Segmenter& segmenter, const JobContext& context,
               const std::function<bool()>& is_cancelled) {
  const auto check_cancel = [&] {
    if (is_cancelled())
      throw Error(Error::Kind::cancelled, "the work is interrupted: the server is stopping");
  };
  context.metrics.stage("wait", std::chrono::duration<double>(context.clock() - claim.ready_since).count());
  context.log.info(fmt::format("try {}: {} images", claim.tries, claim.images.size()), claim.key);
  try {
    const FinishOutcome outcome = make_result(claim, segmenter, context, check_cancel);
    context.metrics.job(outcome == FinishOutcome::recorded ? "recorded" : "content changed");
    return JobEnd::settled;
  } catch (const std::exception& error) {
    return end_with_error(claim, error, context);
  }
}

void end_stuck_job(const Claim& claim, const std::string& reason, const JobContext& context) {
  end_with_error(claim, std::runtime_error(reason), context);
}

}  // namespace metserve::server
