#include "pipeline/match_contrast.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "pipeline/match_contrast_words.h"
#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;

/// What was given, after the first of agent, volume and route that is filled in, or empty: agent NONE with
/// route IV is nothing.
std::string given(const SeriesHeader& header) {
  if (!header.contrast_agent.empty())
    return means_none(header.contrast_agent) ? "" : "contrast agent '" + header.contrast_agent + "'";
  if (!header.contrast_volume.empty())
    return means_none(header.contrast_volume) ? "" : "contrast volume " + header.contrast_volume + " ml";
  return means_none(header.contrast_route) ? "" : "contrast route '" + header.contrast_route + "'";
}

/// Enhanced contrast usage (PS3.3 C.7.6.16.2.12), else the classic agent, volume and route (C.7.6.4).
ContrastWitness by_attributes(const SeriesHeader& header) {
  const std::string phase = upper(header.contrast_phase);
  if (phase == "PRE_CONTRAST") return {Contrast::pre, "contrast phase PRE_CONTRAST"};
  if (upper(header.contrast_administered) == "NO") return {Contrast::pre, "contrast agent not administered"};
  if (upper(header.contrast_administered) == "YES")
    return {Contrast::post, "contrast agent administered" + (phase.empty() ? "" : " (" + phase + ")")};
  if (const std::string what = given(header); !what.empty()) return {Contrast::post, what};
  return {};
}

struct TimedSeries {
  std::size_t series;
  double time_s;
};

/// The series of this state and certainty that was acquired first (`earliest`) or last.
std::optional<TimedSeries> bound(const dicom::Study& study, const std::vector<ContrastMatch>& contrasts,
                                 Contrast state, bool earliest) {
  std::optional<TimedSeries> found;
  for (std::size_t i = 0; i < contrasts.size(); ++i) {
    const auto time = study.series[i].header.acquisition_time_s;
    if (contrasts[i].state != state || !time) continue;
    if (!found || (earliest ? *time < found->time_s : *time > found->time_s)) found = TimedSeries{i, *time};
  }
  return found;
}

/// The first start that somebody entered: with something given, and not at midnight to the second.
std::optional<double> bolus_start_s(const dicom::Study& study) {
  std::optional<double> start;
  for (const auto& [header, instances, frames] : study.series)
    if (const auto s = header.contrast_start_time_s;
        is_acquired(header) && s && *s != 0 && !given(header).empty())
      start = std::min(*s, start.value_or(*s));
  return start;
}

std::string name_of(const dicom::Study& study, std::size_t index) {
  const SeriesHeader& header = study.series[index].header;
  return "series " + (header.series_number ? std::to_string(*header.series_number)
                                           : "'" + header.series_description + "'");
}

bool within(std::optional<double> a, std::optional<double> b) {
  const double x = a.value_or(0), y = b.value_or(0);
  return std::abs(x - y) <= 0.05 * std::max(std::abs(x), std::abs(y));
}

/// A later series of known contrast that this one, known by nothing, was the first run of.
std::optional<std::size_t> later_twin(const dicom::Study& study, const std::vector<KindMatch>& kinds,
                                      const std::vector<ContrastMatch>& contrasts, std::size_t index) {
  const SeriesHeader& header = study.series[index].header;
  for (std::size_t i = 0; i < contrasts.size(); ++i)
    if (contrasts[i].state == Contrast::post && kinds[i].kind == kinds[index].kind &&
        same_parameters(study.series[i].header, header) &&
        study.series[i].header.acquisition_time_s > header.acquisition_time_s)
      return i;
  return std::nullopt;
}

ContrastMatch settled(Contrast state, double confidence, std::string reason) {
  ContrastMatch match;
  match.state = state;
  match.confidence = confidence;
  match.reasons = {std::move(reason)};
  return match;
}

/// Where the start of the bolus puts an acquisition: pre, post, or unknown where the two cannot be compared.
/// Start times have no date (PS3.3 C.7.6.4): beyond the length of an examination, on different days or at the
/// same second they tell nothing.
std::optional<Contrast> by_bolus(std::optional<double> time_s, std::optional<double> bolus_s) {
  constexpr double day_s = 86400, longest_examination_s = 6 * 3600;
  if (!time_s || !bolus_s) return std::nullopt;
  const bool same_day = std::floor(*time_s / day_s) == std::floor(*bolus_s / day_s);
  if (!same_day || *time_s == *bolus_s || std::abs(*time_s - *bolus_s) > longest_examination_s)
    return Contrast::unknown;
  return *time_s < *bolus_s ? Contrast::pre : Contrast::post;
}

struct Events {
  std::optional<double> bolus_s;
  std::optional<TimedSeries> last_pre, first_post;
};

ContrastMatch by_time(const dicom::Study& study, const std::vector<KindMatch>& kinds,
                      const std::vector<ContrastMatch>& contrasts, const Events& events, std::size_t index) {
  const auto time = study.series[index].header.acquisition_time_s;
  if (!time) return {};
  const auto told = by_bolus(time, events.bolus_s);
  if (told == Contrast::pre && contrasts[index].words == Contrast::post) return {};
  if (told == Contrast::pre) return settled(Contrast::pre, 0.85, "acquired before the contrast bolus began");
  if (told == Contrast::post) return settled(Contrast::post, 0.85, "acquired after the contrast bolus began");
  if (events.first_post && *time > events.first_post->time_s)
    return settled(
        Contrast::post, 0.8,
        "acquired after " + name_of(study, events.first_post->series) + ", which is post contrast");
  if (events.last_pre && *time < events.last_pre->time_s)
    return settled(Contrast::pre, 0.8,
                   "acquired before " + name_of(study, events.last_pre->series) + ", which is pre contrast");
  if (!events.first_post) return {};
  if (contrasts[events.first_post->series].attribute != Contrast::unknown &&
      contrasts[index].attribute == Contrast::unknown)
    return settled(Contrast::pre, 0.75,
                   "names no contrast agent and was acquired before " +
                       name_of(study, events.first_post->series) + ", the first series that names one");
  if (const auto twin = later_twin(study, kinds, contrasts, index))
    return settled(Contrast::pre, 0.7,
                   "the same protocol ran later as " + name_of(study, *twin) + ", post contrast");
  return {};
}

/// What an agent of the examination, not of the series, is seen by: a series that names it and calls itself
/// "pre" while others call themselves "post".
bool pre_series_names_agent(const std::vector<ContrastMatch>& contrasts) {
  const auto contradicts = [](const ContrastMatch& c) {
    return c.attribute == Contrast::post && c.words == Contrast::pre && c.state == Contrast::unknown;
  };
  const auto says_post = [](const ContrastMatch& c) { return c.words == Contrast::post; };
  return std::any_of(contrasts.begin(), contrasts.end(), contradicts) &&
         std::any_of(contrasts.begin(), contrasts.end(), says_post);
}

bool is_original(const SeriesHeader& header) {
  return !header.image_type.empty() && upper(header.image_type[0]) == "ORIGINAL";
}

/// Or it is named by what comes before any agent: every localizer; or by all that was acquired, T2-weighted
/// and diffusion images (an echo of 60 ms or more) too.
bool early_series_name_agent(const dicom::Study& study, const std::vector<KindMatch>& kinds,
                             const std::vector<ContrastMatch>& contrasts) {
  std::size_t localizers = 0, with_agent = 0, originals = 0, originals_with_agent = 0;
  bool t2_or_diffusion = false;
  for (std::size_t i = 0; i < contrasts.size(); ++i) {
    const SeriesHeader& header = study.series[i].header;
    if (!is_acquired(header)) continue;
    const bool names_agent = contrasts[i].attribute == Contrast::post;
    localizers += is_localizer(header) ? 1 : 0;
    with_agent += is_localizer(header) && names_agent ? 1 : 0;
    originals += is_original(header) ? 1 : 0;
    originals_with_agent += is_original(header) && names_agent ? 1 : 0;
    t2_or_diffusion |= is_original(header) && !kinds[i].kind && header.te_ms.value_or(0) >= 60;
  }
  return localizers > 0 ? with_agent == localizers : t2_or_diffusion && originals_with_agent == originals;
}

void trust_words_only(std::vector<ContrastMatch>& contrasts) {
  for (ContrastMatch& contrast : contrasts) {
    if (contrast.attribute != Contrast::post) continue;
    contrast.attribute = Contrast::unknown;
    contrast.state = contrast.words;
    contrast.confidence = contrast.words == Contrast::unknown ? 0 : 0.75;
    contrast.reasons.push_back("the contrast agent was entered for the whole examination");
  }
}

/// An agent that a series names was not yet given where the bolus began later. Words that say "post" hold
/// against times that cannot be compared, and leave open what an earlier time contradicts.
void trust_bolus(const dicom::Study& study, std::optional<double> bolus_s,
                 std::vector<ContrastMatch>& contrasts) {
  for (std::size_t i = 0; i < contrasts.size(); ++i) {
    ContrastMatch& contrast = contrasts[i];
    const auto told = by_bolus(study.series[i].header.acquisition_time_s, bolus_s);
    if (contrast.attribute != Contrast::post || !told || *told == Contrast::post) continue;
    const bool says_post = contrast.words == Contrast::post;
    if (*told == Contrast::unknown && says_post) continue;
    contrast.state = says_post ? Contrast::unknown : *told;
    contrast.confidence = contrast.state == Contrast::pre ? 0.85 : 0;
    contrast.reasons.insert(contrast.reasons.begin(),
                            *told == Contrast::pre
                                ? "acquired before the contrast bolus began"
                                : "its time and that of the contrast bolus cannot be compared");
  }
}

}  // namespace

bool same_parameters(const SeriesHeader& a, const SeriesHeader& b) {
  return a.plane == b.plane && within(a.tr_ms, b.tr_ms) && within(a.te_ms, b.te_ms) &&
         within(a.ti_ms, b.ti_ms) && within(a.slice_spacing_mm, b.slice_spacing_mm);
}

ContrastMatch contrast_of(const SeriesHeader& header) {
  const ContrastWitness attributes = by_attributes(header), words = contrast_by_words(header);
  const bool attributes_speak = attributes.state != Contrast::unknown;
  const bool words_speak = words.state != Contrast::unknown;
  ContrastMatch match;
  match.words = words.state;
  match.attribute = attributes.state;
  if (attributes_speak) match.reasons.push_back(attributes.reason);
  if (!words.reason.empty()) match.reasons.push_back(words.reason);
  if (!words_speak && !words.reason.empty()) return match;
  if (attributes_speak && words_speak && attributes.state != words.state) {
    match.reasons = {attributes.reason + ", but " + words.reason + ": they contradict each other"};
    return match;
  }
  match.state = attributes_speak ? attributes.state : words.state;
  match.confidence = attributes_speak && words_speak ? 0.97 : attributes_speak ? 0.9 : words_speak ? 0.88 : 0;
  return match;
}

void settle_contrast_by_time(const dicom::Study& study, const std::vector<KindMatch>& kinds,
                             std::vector<ContrastMatch>& contrasts) {
  if (pre_series_names_agent(contrasts) || early_series_name_agent(study, kinds, contrasts))
    trust_words_only(contrasts);
  const std::optional<double> bolus_s = bolus_start_s(study);
  trust_bolus(study, bolus_s, contrasts);
  const Events events{bolus_s, bound(study, contrasts, Contrast::pre, false),
                      bound(study, contrasts, Contrast::post, true)};
  if (events.last_pre && events.first_post && events.last_pre->time_s > events.first_post->time_s) return;
  const std::vector<ContrastMatch> known = contrasts;
  for (std::size_t i = 0; i < contrasts.size(); ++i) {
    if (known[i].state != Contrast::unknown || !is_acquired(study.series[i].header)) continue;
    ContrastMatch timed = by_time(study, kinds, known, events, i);
    timed.words = known[i].words;
    timed.reasons.insert(timed.reasons.end(), known[i].reasons.begin(), known[i].reasons.end());
    contrasts[i] = std::move(timed);
  }
}

}  // namespace metserve::pipeline
