#include "pipeline/segment_study.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <torch/types.h>

#include "dicom/error.h"
#include "models/dropped_components.h"
#include "pipeline/error.h"
#include "pipeline/lesions_lost.h"
#include "pipeline/lesions_on_reference.h"
#include "pipeline/network_grid.h"
#include "pipeline/resample.h"
#include "pipeline/segment_study_acceptance.h"
#include "pipeline/spatial_image.h"

namespace metserve::pipeline {

namespace {

using models::Slot;

constexpr double thick_slices_mm = 3;

struct Sequence {
  Slot slot = Slot::t1_gre_post;
  dicom::LoadedSeries series;
};

/// The reference, ready to be registered to, and the network's grid on it.
struct Frame {
  RegistrationTarget target;
  dicom::VolumeGeometry grid;
};

/// Wall time since the last call.
class Stopwatch {
 public:
  double lap_s() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void report(const ProgressCallback& on_progress, Stage stage, std::size_t done, std::size_t of) {
  if (on_progress) on_progress(stage, of == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(of));
}

void leave_out(StudyResult& result, Slot slot, const dicom::SeriesHeader& header, const std::string& reason) {
  const std::string sentence = describe(slot, header) + " is left out: " + reason;
  result.sequences_left_out.push_back(sentence);
  result.warnings.push_back(sentence);
}

/// Of the reference alone: outside it nothing is looked at.
void warn_of_extent(StudyResult& result, const Sequence& reference) {
  constexpr double brain_mm = 110;  // a whole brain measures as much in every direction
  const dicom::VolumeGeometry& geometry = reference.series.volume.geometry;
  const double covered_mm = static_cast<double>(geometry.size[2]) * geometry.spacing_mm[2];
  if (covered_mm >= brain_mm) return;
  std::array<char, 120> text{};
  std::snprintf(text.data(), text.size(),
                ": covers %.0f mm, not the whole brain; lesions outside are not found", covered_mm);
  result.warnings.push_back(std::string(models::name(reference.slot)) + text.data());
}

void warn_of_image(StudyResult& result, const Sequence& sequence) {
  const std::string name = std::string(models::name(sequence.slot)) + ": ";
  for (const std::string& warning : sequence.series.warnings) result.warnings.push_back(name + warning);
  const double slices_mm = sequence.series.volume.geometry.spacing_mm[2];
  if (slices_mm <= thick_slices_mm) return;
  std::array<char, 100> text{};
  std::snprintf(text.data(), text.size(), "slices lie %.1f mm apart; small lesions can be missed", slices_mm);
  result.warnings.push_back(name + text.data());
}

/// Where a sequence is missing it may be one of the series that nothing but their geometry keeps from being
/// used.
void warn_of_irregular_series(const dicom::Study& study, StudyResult& result) {
  if (result.match.subset.all()) return;
  for (const SeriesMatch& series : result.match.series) {
    const dicom::SeriesHeader& header = study.series[series.series].header;
    if (header.geometry_problem.empty() || series.reasons.empty()) continue;
    if (series.reasons.front().ends_with(header.geometry_problem))
      result.warnings.push_back(describe(header) + " is not used: " + series.reasons.front());
  }
}

/// What damaged files would have shown is not looked at, whichever series they are of.
void warn_of_lost_images(const dicom::Study& study, StudyResult& result) {
  const auto is_lost = [](const dicom::UnreadableFile& file) { return file.image_lost; };
  const auto first = std::find_if(study.unreadable.begin(), study.unreadable.end(), is_lost);
  if (first == study.unreadable.end()) return;
  std::string reason = first->reason;
  if (const std::string path = first->path.string(); reason.starts_with(path))
    reason.replace(0, path.size(), first->path.filename().string());
  const auto count = std::count_if(first, study.unreadable.end(), is_lost);
  result.warnings.push_back("images that cannot be read and are not looked at: " + std::to_string(count) +
                            ", the first: " + reason);
}

/// Every matched series that can be read, the best reference first.
std::vector<Sequence> load_sequences(const dicom::Study& study, const ProgressCallback& on_progress,
                                     StudyResult& result) {
  std::vector<Sequence> sequences;
  std::size_t done = 0;
  for (const Slot slot : reference_order(study, result.match)) {
    report(on_progress, Stage::load, done++, models::slot_count);
    const auto series = result.match.filling(slot);
    if (!series) {
      result.sequences_left_out.push_back(std::string(models::name(slot)) + ": not in the study");
      continue;
    }
    try {
      sequences.push_back({slot, dicom::load_series(study.series[*series])});
    } catch (const dicom::Error& e) {
      leave_out(result, slot, study.series[*series].header, e.what());
    }
  }
  warn_of_irregular_series(study, result);
  warn_of_lost_images(study, result);
  return sequences;
}

/// Makes the first sequence that holds a head, and says in which frame of reference, the reference; drops
/// those before it.
Frame choose_reference(std::vector<Sequence>& sequences, const SegmentOptions& options, StudyResult& result) {
  while (!sequences.empty()) {
    const Sequence& first = sequences.front();
    try {
      if (first.series.header.frame_of_reference_uid.empty())
        throw Error(Error::Kind::bad_input,
                    "no Frame of Reference UID (0020,0052), which results have to refer to");
      return {RegistrationTarget(first.series.volume, options.registration),
              network_grid(first.series.volume, result.model.spacing_mm)};
    } catch (const Error& e) {
      leave_out(result, first.slot, first.series.header, e.what());
      sequences.erase(sequences.begin());
    }
  }
  const std::string told = "no series of the study can be used as the reference";
  std::string text = told;
  for (const std::string& sentence : result.sequences_left_out) text += "; " + sentence;
  throw Error(Error::Kind::bad_input, text, told);
}

Registration register_sequence(const Frame& frame, const Sequence& sequence) {
  try {
    return frame.target.align(sequence.series.volume);
  } catch (const Error& e) {
    Registration failed;
    failed.accepted = false;
    failed.reason = e.what();
    return failed;
  }
}

std::string used_sentence(const Sequence& sequence, const Registration& registration, bool is_reference) {
  std::string sentence = describe(sequence.slot, sequence.series.header);
  if (is_reference) return sentence + ", reference";
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), ", registered: %.1f degrees, %.1f mm",
                registration.fixed_to_moving.rotation_deg(), registration.displacement_mm);
  return sentence + text.data();
}

/// How to get from the reference to each sequence; nothing where it is missing or cannot be trusted.
using Alignment = std::array<std::optional<RigidTransform>, models::slot_count>;

Alignment register_sequences(const std::vector<Sequence>& sequences, const Frame& frame,
                             const ProgressCallback& on_progress, StudyResult& result) {
  Alignment alignment;
  for (std::size_t n = 0; n < sequences.size(); ++n) {
    report(on_progress, Stage::register_, n, sequences.size());
    const Sequence& sequence = sequences[n];
    const Registration registration = n == 0 ? Registration{} : register_sequence(frame, sequence);
    result.registrations.push_back({sequence.slot, registration, sequence.series.header.series_instance_uid});
    if (!registration.accepted) {
      leave_out(result, sequence.slot, sequence.series.header, "not registered: " + registration.reason);
      continue;
    }
    alignment[models::index(sequence.slot)] = registration.fixed_to_moving;
    result.subset.set(models::index(sequence.slot));
    result.series_used.push_back(sequence.series.header.series_instance_uid);
    std::ranges::move(dicom::instances_of(sequence.series), std::back_inserter(result.images_used));
    result.sequences_used.push_back(used_sentence(sequence, registration, n == 0));
    warn_of_image(result, sequence);
    if (n == 0) warn_of_extent(result, sequence);
  }
  return alignment;
}

/// The network's input [4, D, 256, 256]; missing sequences are zero. Each volume but the reference's is given
/// up when it has been resampled.
torch::Tensor preprocess_sequences(std::vector<Sequence>& sequences, const Alignment& alignment,
                                   const dicom::VolumeGeometry& grid, const models::ClaheOptions& clahe,
                                   const ProgressCallback& on_progress) {
  const torch::Tensor input =
      at::zeros({static_cast<std::int64_t>(models::slot_count), static_cast<std::int64_t>(grid.size[2]),
                 static_cast<std::int64_t>(grid.size[1]), static_cast<std::int64_t>(grid.size[0])},
                at::kFloat);
  for (std::size_t n = 0; n < sequences.size(); ++n) {
    report(on_progress, Stage::preprocess, n, sequences.size());
    const std::size_t slot = models::index(sequences[n].slot);
    dicom::Volume& volume = sequences[n].series.volume;
    if (alignment[slot]) {
      const torch::Tensor channel = input[static_cast<std::int64_t>(slot)];
      resample(volume, grid, *alignment[slot], {channel.data_ptr<float>(), grid.voxel_count()});
      models::preprocess_sequence_(channel, clahe);
    }
    if (n > 0) volume.voxels = {};
  }
  return input;
}

/// 0 to 255 for 0 to 1.
std::vector<std::uint8_t> as_bytes(const std::vector<float>& probability) {
  std::vector<std::uint8_t> bytes(probability.size());
  std::transform(probability.begin(), probability.end(), bytes.begin(), [](float value) {
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp(value, 0.0F, 1.0F)));
  });
  return bytes;
}

}  // namespace

std::string_view to_string(Stage stage) {
  constexpr std::array<std::string_view, 6> names{"load",  "register",    "preprocess",
                                                  "infer", "postprocess", "encode"};
  return names[static_cast<std::size_t>(stage)];
}

StudyResult segment_study(const dicom::Study& study, const models::Segmenter& segmenter,
                          const SegmentOptions& options, const ProgressCallback& on_progress) {
  StudyResult result;
  Stopwatch watch;
  result.model = segmenter.manifest();
  result.match = match_study(study, options.match);
  require_unambiguous(study, result.match);
  require_one_patient(study, result.match);
  require_accepted(result.match.subset, options.acceptance, {});
  require_enough_for(result.model.network, result.match.subset);

  std::vector<Sequence> sequences = load_sequences(study, on_progress, result);
  result.timings.load = watch.lap_s();

  const Frame frame = choose_reference(sequences, options, result);
  const Alignment alignment = register_sequences(sequences, frame, on_progress, result);
  require_accepted(result.subset, options.acceptance, result.sequences_left_out);
  require_enough_for(result.model.network, result.subset);
  if (const auto warning = warning_of_missing(result.model.network, result.subset); !warning.empty())
    result.warnings.push_back(warning);
  result.timings.register_ = watch.lap_s();

  torch::Tensor input =
      preprocess_sequences(sequences, alignment, frame.grid, result.model.clahe, on_progress);
  result.reference = std::move(sequences.front().series);
  result.timings.preprocess = watch.lap_s();

  report(on_progress, Stage::infer, 0, 1);
  const auto infer_progress = [&](double share) {
    if (on_progress) on_progress(Stage::infer, share);
  };
  const torch::Tensor log_odds = segmenter.log_odds(input, result.subset, infer_progress);
  input.reset();
  result.timings.infer = watch.lap_s();

  report(on_progress, Stage::postprocess, 0, 1);
  const models::LesionRule own = models::rule_for(result.model, result.subset);
  result.rule = models::changed(own, options.rule);
  const torch::Tensor accepted =
      models::without_dropped_components(log_odds, of_any_size(result.rule), result.model.spacing_mm);
  const dicom::VolumeGeometry& reference = result.reference.volume.geometry;
  result.lesions = lesions_on_reference(accepted, frame.grid, reference, result.rule, own.threshold);
  if (const auto warning = warning_of_lost(accepted, frame.grid, result.rule, result.lesions, reference);
      !warning.empty())
    result.warnings.push_back(warning);
  if (options.keep_probability)
    result.probability = as_bytes(on_reference(log_odds.sigmoid(), frame.grid, reference).voxels);
  result.timings.postprocess = watch.lap_s();
  return result;
}

}  // namespace metserve::pipeline
