#include "pipeline/match_contrast.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;

/// One witness: its verdict and what it is.
struct Witness {
  Contrast state = Contrast::unknown;
  std::string reason;
};

bool means_none(const std::string& text) {
  const std::string value = upper(text);
  return value.empty() || value == "NO" || value == "NONE" || value == "N" || value == "0" ||
         value == "0.0" || value == "NA" || value == "N/A" || value == "NO CONTRAST" ||
         value == "NON CONTRAST" || value == "WITHOUT" || value == "UNKNOWN";
}

/// Enhanced contrast usage (PS3.3 C.7.6.16.2.12), else the classic agent, route and volume (C.7.6.4).
Witness by_attributes(const SeriesHeader& header) {
  const std::string phase = upper(header.contrast_phase);
  if (phase == "PRE_CONTRAST") return {Contrast::pre, "contrast phase PRE_CONTRAST"};
  if (upper(header.contrast_administered) == "NO") return {Contrast::pre, "contrast agent not administered"};
  if (upper(header.contrast_administered) == "YES")
    return {Contrast::post, "contrast agent administered" + (phase.empty() ? "" : " (" + phase + ")")};
  if (!means_none(header.contrast_agent))
    return {Contrast::post, "contrast agent '" + header.contrast_agent + "'"};
  if (!means_none(header.contrast_volume))
    return {Contrast::post, "contrast volume " + header.contrast_volume + " ml"};
  if (!means_none(header.contrast_route))
    return {Contrast::post, "contrast route '" + header.contrast_route + "'"};
  return {};
}

constexpr std::string_view agents =
    "gd gad gado gadolin gadolinium gadolinio gadavist gadovist gadobutrol gadoterate dotarem clariscan "
    "prohance magnevist multihance omniscan vueway elucirem optimark";
constexpr std::string_view contrast_words =
    "contrast contraste contrasto contraststof contrastmiddel kontrast kontrastmittel kontrastmiddel "
    "kontrastvatska mdc pdc km ce enhanced inj injecte iniettato varjoaine varjoainetta tehosteaine "
    "tehostetta";
constexpr std::string_view without_words =
    "without wo ohne sans senza sin sem zonder utan uten uden ilman no non not pre before avant vor prima "
    "voor antes foer fore";

bool in(std::string_view list, const std::string& word) {
  return (' ' + std::string(list) + ' ').find(' ' + word + ' ') != std::string::npos;
}

/// "pre" and "post" that speak of an operation or radiation, not of contrast.
bool about_treatment(const std::vector<std::string>& words, std::size_t i) {
  return i + 1 < words.size() && in("op operative operativ surgery surgical srs srt rt xrt radiation "
                                    "treatment tx gk gamma stim process "
                                    "processed processing biopsy",
                                    words[i + 1]);
}

Witness negative_words(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (in("nativ native nativo nativa natiivi basale noncontrast unenhanced precontrast pregad pregd prekm "
           "blanco c- nc",
           word))
      return {Contrast::pre, "'" + word + "' in its description"};
    if (word == "pre" && !about_treatment(words, i)) return {Contrast::pre, "'pre' in its description"};
    const bool next_is_contrast =
        i + 1 < words.size() && (in(agents, words[i + 1]) || in(contrast_words, words[i + 1]) ||
                                 in("c con +c inj injection iv", words[i + 1]));
    if (in(without_words, word) && next_is_contrast)
      return {Contrast::pre, "'" + word + " " + words[i + 1] + "' in its description"};
    if (i + 1 == words.size() && in("wo ohne sans senza sem zonder utan uten uden ilman without", word))
      return {Contrast::pre, "'" + word + "' in its description"};
  }
  return {};
}

Witness positive_words(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (in("+c c+ +k k+ +km km+ +gd +gad gd+ gad+ +contrast +ce postcontrast postgad postgd postkm t1ce t1c "
           "t1gd "
           "t1post t1km t1wce",
           word) ||
        in(agents, word) || in(contrast_words, word))
      return {Contrast::post, "'" + word + "' in its description"};
    if (word == "post" && !about_treatment(words, i)) return {Contrast::post, "'post' in its description"};
  }
  return {};
}

/// "With and without" speaks of the examination, not of the series; "for kontrast" is "before" to a Norwegian
/// without his ø.
bool says_either(const Words& words) {
  return words.phrase("w wo") || words.phrase("with and without") || words.phrase("w and wo") ||
         words.phrase("w w o") || words.phrase("mit und ohne") || words.phrase("pre post") ||
         words.phrase("pre and post") || words.phrase("for kontrast") || words.phrase("for km") ||
         words.phrase("for gd");
}

/// Negatives first: "ohne KM" holds "KM".
Witness by_words(const SeriesHeader& header) {
  const Words words(series_text(header));
  if (says_either(words)) return {};
  if (words.phrase("w o")) return {Contrast::pre, "'w/o' in its description"};
  const Witness negative = negative_words(words.list());
  return negative.state != Contrast::unknown ? negative : positive_words(words.list());
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

std::optional<double> bolus_start_s(const dicom::Study& study) {
  std::optional<double> start;
  for (const dicom::Series& series : study.series)
    if (const auto s = series.header.contrast_start_time_s; s && (!start || *s < *start)) start = s;
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

struct Events {
  std::optional<double> bolus_s;
  std::optional<TimedSeries> last_pre, first_post;
};

ContrastMatch by_time(const dicom::Study& study, const std::vector<KindMatch>& kinds,
                      const std::vector<ContrastMatch>& contrasts, const Events& events, std::size_t index) {
  const auto time = study.series[index].header.acquisition_time_s;
  if (!time) return {};
  if (events.bolus_s && *time < *events.bolus_s)
    return settled(Contrast::pre, 0.85, "acquired before the contrast bolus began");
  if (events.bolus_s && *time > *events.bolus_s)
    return settled(Contrast::post, 0.85, "acquired after the contrast bolus began");
  if (events.first_post && *time > events.first_post->time_s)
    return settled(
        Contrast::post, 0.8,
        "acquired after " + name_of(study, events.first_post->series) + ", which is post contrast");
  if (events.last_pre && *time < events.last_pre->time_s)
    return settled(Contrast::pre, 0.8,
                   "acquired before " + name_of(study, events.last_pre->series) + ", which is pre contrast");
  if (!events.first_post) return {};
  if (contrasts[events.first_post->series].by_attribute)
    return settled(Contrast::pre, 0.75,
                   "names no contrast agent and was acquired before " +
                       name_of(study, events.first_post->series) + ", the first series that names one");
  if (const auto twin = later_twin(study, kinds, contrasts, index))
    return settled(Contrast::pre, 0.7,
                   "the same protocol ran later as " + name_of(study, *twin) + ", post contrast");
  return {};
}

/// A series that names an agent and calls itself "pre", in an examination where others call themselves
/// "post".
bool agent_of_whole_examination(const std::vector<ContrastMatch>& contrasts) {
  const auto contradicts = [](const ContrastMatch& c) {
    return c.by_attribute && c.words == Contrast::pre && c.state == Contrast::unknown;
  };
  const auto says_post = [](const ContrastMatch& c) { return c.words == Contrast::post; };
  return std::any_of(contrasts.begin(), contrasts.end(), contradicts) &&
         std::any_of(contrasts.begin(), contrasts.end(), says_post);
}

void trust_words_only(std::vector<ContrastMatch>& contrasts) {
  for (ContrastMatch& contrast : contrasts) {
    if (!contrast.by_attribute) continue;
    contrast.by_attribute = false;
    contrast.state = contrast.words;
    contrast.confidence = contrast.words == Contrast::unknown ? 0 : 0.75;
    contrast.reasons.push_back("the contrast agent was entered for the whole examination");
  }
}

}  // namespace

bool same_parameters(const SeriesHeader& a, const SeriesHeader& b) {
  return a.plane == b.plane && within(a.tr_ms, b.tr_ms) && within(a.te_ms, b.te_ms) &&
         within(a.ti_ms, b.ti_ms) && within(a.slice_spacing_mm, b.slice_spacing_mm);
}

ContrastMatch contrast_of(const SeriesHeader& header) {
  const Witness attributes = by_attributes(header), words = by_words(header);
  const bool attributes_speak = attributes.state != Contrast::unknown;
  const bool words_speak = words.state != Contrast::unknown;
  ContrastMatch match;
  match.words = words.state;
  match.by_attribute = attributes_speak;
  if (attributes_speak) match.reasons.push_back(attributes.reason);
  if (words_speak) match.reasons.push_back(words.reason);
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
  if (agent_of_whole_examination(contrasts)) trust_words_only(contrasts);
  const Events events{bolus_start_s(study), bound(study, contrasts, Contrast::pre, false),
                      bound(study, contrasts, Contrast::post, true)};
  if (events.last_pre && events.first_post && events.last_pre->time_s > events.first_post->time_s) return;
  const std::vector<ContrastMatch> known = contrasts;
  for (std::size_t i = 0; i < contrasts.size(); ++i) {
    if (known[i].state != Contrast::unknown) continue;
    ContrastMatch timed = by_time(study, kinds, known, events, i);
    timed.words = known[i].words;
    timed.reasons.insert(timed.reasons.end(), known[i].reasons.begin(), known[i].reasons.end());
    contrasts[i] = std::move(timed);
  }
}

}  // namespace metserve::pipeline
