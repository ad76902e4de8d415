#include <algorithm>
#include <array>
#include <initializer_list>

#include "pipeline/match_dixon.h"
#include "pipeline/match_kind.h"
#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;
using Reason = std::optional<std::string>;

bool has_type(const SeriesHeader& header, std::initializer_list<std::string_view> values) {
  return std::any_of(header.image_type.begin(), header.image_type.end(), [&](const std::string& part) {
    return std::find(values.begin(), values.end(), upper(part)) != values.end();
  });
}

std::string joined_type(const SeriesHeader& header) {
  std::string text;
  for (const std::string& part : header.image_type) text += (text.empty() ? "" : "\\") + part;
  return text;
}

Reason no_image(const SeriesHeader& header) {
  if (header.modality != "MR") return "modality " + header.modality + " is no MR image";
  if (!header.has_pixels) return "no pixel data";
  return std::nullopt;
}

Reason by_pulse_sequence(const SeriesHeader& header) {
  const bool ep = std::find(header.scanning_sequence.begin(), header.scanning_sequence.end(), "EP") !=
                  header.scanning_sequence.end();
  const std::string name = upper(header.sequence_name);
  const std::string ge = upper(header.ge_internal_sequence_name);
  if (ep || name.starts_with("*EP") || name.starts_with("EP") || name.find("EPI") != std::string::npos ||
      ge.starts_with("EPI"))
    return "echo planar: diffusion, perfusion or functional images";
  if (name.starts_with("*FM2D") || name.starts_with("FM2D")) return "field map (sequence " + name + ")";
  if (name.starts_with("PROBE") || name.find("CSI") != std::string::npos) return "spectroscopy";
  if (ge.starts_with("SSFSE")) return "single-shot localizer (sequence " + ge + ")";
  const std::string transfer = upper(header.magnetization_transfer);
  if (!transfer.empty() && transfer != "NONE")
    return "magnetization transfer (" + transfer + ") changes the T1 contrast that the networks know";
  return std::nullopt;
}

constexpr std::string_view localizer_words =
    "loc localizer localiser localizador localizzatore scout survey topogram smartbrain 3plane 3pl aahead "
    "calibration repere reperage";

/// Words that stand for something else than alone: "post perf" comes after the perfusion, "sub mm" is a
/// resolution.
bool is_excused(const Words& words, const std::string& word) {
  constexpr std::array<std::string_view, 7> phrases{
      "post perf", "post perfusion", "post dsc", "post dce", "post asl", "sub mm", "sub millimeter"};
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return (phrase.ends_with(" " + word) || phrase.starts_with(word + " ")) && words.phrase(phrase);
  });
}

Reason excluded_by_words(const SeriesHeader& header) {
  const Words words(series_text(header));
  const auto because = [](std::string_view what, std::string_view word) {
    return std::string(what) + " ('" + std::string(word) + "' in its description)";
  };
  struct Rule {
    std::string_view what, words;
  };
  constexpr std::array<Rule, 11> rules{{
      {"localizer", localizer_words},
      {"diffusion, perfusion or functional images",
       "dwi dti adc trace tracew eadc colfa tensor ivim asl perf perfusion dsc dce cbf relcbf cbv mtt fmri "
       "bold "
       "resting"},
      {"angiography or susceptibility", "tof mra mrv angio tricks twist swi swan swip venobold"},
      {"field map", "fieldmap b0map fmap"},
      {"map or synthetic images", "map mapit magic synthetic synthmr synth mp2rage inv1 inv2 qsm uni"},
      {"subtraction", "sub subtraction subtracted subtr"},
      {"projection or reformatted images", "mip minip reformat reformatted reformats rfmt"},
      {"magnetization transfer changes the T1 contrast that the networks know", "mt mtc"},
      {"double, phase-sensitive or short inversion recovery", "dir psir stir"},
      {"spectroscopy", "svs csi mrs spectroscopy spectro"},
      {"not the whole brain",
       "orbit orbits orbita sella pituitary hypophyse hypophysis iac iacs tmj cspine tspine lspine spine "
       "hws bws lws lumbar thoracic rachis colonna columna"},
  }};
  for (const Rule& rule : rules)
    if (const auto word = words.first_of(rule.words); !word.empty() && !is_excused(words, word))
      return because(rule.what, word);
  if (words.phrase("mag transfer") || words.phrase("magnetization transfer"))
    return "magnetization transfer changes the T1 contrast that the networks know (by its description)";
  if (words.phrase("field map") || words.phrase("field mapping") || words.phrase("b0 map"))
    return "field map (by its description)";
  if (dixon_of(header) == Dixon::other)
    return "fat or opposed phase of a Dixon acquisition (by its description)";
  if (words.phrase("3 plane") || words.phrase("three plane")) return "localizer (by its description)";
  return std::nullopt;
}

/// BodyPartExamined (0018,0015; PS3.16 annex L) is often left at what the examination began with: a part that
/// names the head as well says nothing.
Reason by_body_part(const SeriesHeader& header) {
  const Words words(header.body_part);
  if (words.any("head brain skull headneck neuro kopf schadel crane cerveau cranio")) return std::nullopt;
  const auto part = words.first_of(
      "spine cspine tspine lspine sspine ctspine tlspine lsspine wholespine wirbelsaule hws bws lws rachis "
      "colonna columna neck hals chest thorax heart breast abdomen abdomenpelvis pelvis liver kidney "
      "pancreas prostate shoulder elbow wrist hand hip knee ankle foot leg arm extremity");
  if (part.empty()) return std::nullopt;
  return "not the head (body part examined: " + header.body_part + ")";
}

Reason by_extent(const SeriesHeader& header, const MatchOptions& options) {
  constexpr double least_extent_mm = 80;  // a whole brain measures 110 mm or more in every direction
  if (header.images < options.minimum_slices)
    return std::to_string(header.images) + " images: a localizer or a fragment";
  if (!header.geometry_problem.empty()) return "no regular volume: " + header.geometry_problem;
  const double extent_mm = header.images * header.slice_spacing_mm.value_or(1e9);
  if (extent_mm < least_extent_mm)
    return "covers " + short_number(extent_mm) + " mm only, not the whole brain";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> excluded_by_image_type(const SeriesHeader& header) {
  const std::string type = " (image type " + joined_type(header) + ")";
  if (has_type(header, {"LOCALIZER"})) return "localizer" + type;
  if (has_type(header, {"SPECTROSCOPY", "METABOLITE_MAP"})) return "spectroscopy" + type;
  if (has_type(header,
               {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "PHASE_DIFFERENCE", "VELOCITY",
                "VELOCITY MAP", "FIELDMAPHZ", "B0 MAP", "P_FFE", "P_SE", "R_FFE", "R_IR", "I_FFE", "I_IR"}))
    return "not a magnitude image" + type;
  if (has_type(header, {"SUBTRACTION", "SUB"})) return "subtraction" + type;
  if (has_type(header, {"PROJECTION IMAGE", "MIP", "MAX_IP", "MIN_IP", "MINIP", "MEAN_IP", "MIN IP"}))
    return "projection" + type;
  if (has_type(header, {"MPR", "CSA MPR", "REFORMATTED", "RESAMPLED", "CSARESAMPLED", "MPR_CURVED"}))
    return "reformatted images" + type;
  if (has_type(header, {"DIFFUSION", "ADC", "EADC", "FA", "TRACEW", "TRACE", "TENSOR", "TENSOR_B0",
                        "PERFUSION", "ASL", "FMRI", "MOSAIC", "EPI", "RCBF", "CBF", "CBV", "MTT", "TTP"}))
    return "diffusion, perfusion or functional images" + type;
  if (dixon_by_type(header) == Dixon::other)
    return "fat, opposed phase or fraction of a Dixon acquisition" + type;
  if (has_type(header, {"T1 MAP", "T2 MAP", "T1_MAP", "T2_MAP", "UNI", "SYNTHETIC", "QUANT"}))
    return "map or synthetic images" + type;
  if (has_type(header, {"DERIVED"}) && has_type(header, {"SECONDARY"})) return "processed images" + type;
  return std::nullopt;
}

bool is_acquired(const SeriesHeader& header) {
  return !no_image(header) && header.manufacturer != "MetServe";
}

bool is_localizer(const SeriesHeader& header) {
  return has_type(header, {"LOCALIZER"}) || Words(series_text(header)).any(localizer_words);
}

std::optional<std::string> unusable(const SeriesHeader& header, const MatchOptions& options) {
  if (auto reason = no_image(header)) return reason;
  return by_extent(header, options);
}

std::optional<std::string> exclusion(const SeriesHeader& header, const MatchOptions& options) {
  if (auto reason = no_image(header)) return reason;
  if (auto reason = excluded_by_image_type(header)) return reason;
  if (auto reason = by_pulse_sequence(header)) return reason;
  if (auto reason = excluded_by_words(header)) return reason;
  if (auto reason = by_body_part(header)) return reason;
  return by_extent(header, options);
}

}  // namespace metserve::pipeline
