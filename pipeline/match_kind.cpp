#include "pipeline/match_kind.h"

#include <algorithm>

#include "pipeline/match_text.h"

namespace metserve::pipeline {
namespace {

using dicom::SeriesHeader;

/// What the headers of the makers come down to.
struct Physics {
  bool gradient_echo = false, spin_echo = false;
  bool inversion = false;
  bool three_d = false;
  bool named_ir_gre = false;               ///< a maker's name of an inversion-prepared 3D gradient echo
  double tr_ms = 0, te_ms = 0, ti_ms = 0;  ///< 0: not known

  bool timed() const { return tr_ms > 0 && te_ms > 0; }
};

bool has(const std::vector<std::string>& values, std::string_view value) {
  return std::any_of(values.begin(), values.end(), [&](const std::string& v) { return upper(v) == value; });
}

/// Sequence names: Siemens tfl3d, spc3d, spcir, tse2d, tir2d, fl3d; Philips T1TFE, TSE, FFE; GE efgre3d,
/// bravo, cube, memp, fse.
bool name_starts(const SeriesHeader& header, std::initializer_list<std::string_view> starts) {
  for (const std::string& name : {upper(header.sequence_name), upper(header.ge_internal_sequence_name),
                                  upper(header.ge_pulse_sequence_name)}) {
    const std::string_view bare = std::string_view(name).substr(name.starts_with('*') ? 1 : 0);
    for (const std::string_view start : starts)
      if (bare.starts_with(start)) return true;
  }
  return false;
}

Physics physics_of(const SeriesHeader& header) {
  Physics physics;
  physics.tr_ms = header.tr_ms.value_or(0);
  physics.te_ms = header.te_ms.value_or(0);
  physics.ti_ms = header.ti_ms.value_or(0);
  const bool named_spin = name_starts(header, {"SPC", "SPCIR", "TSE", "SE", "TIR", "FSE", "CUBE", "3DFSE",
                                               "MEMP", "FRFSE", "FASE", "T2TSE", "TSEIR"});
  physics.named_ir_gre = name_starts(header, {"TFL3D", "T1TFE", "BRAVO", "MPRAGE", "3DIRTFE"}) ||
                         (has(header.scanning_sequence, "GR") && has(header.sequence_variant, "MP") &&
                          header.echo_train_length.value_or(0) >= 16);
  physics.gradient_echo = has(header.scanning_sequence, "GR") || header.echo_pulse_sequence == "GRADIENT" ||
                          physics.named_ir_gre ||
                          name_starts(header, {"FL3D", "FL2D", "EFGRE", "FSPGR", "FFE"});
  // A flip angle near 90 degrees with a long echo is how a spin echo looks where nothing names it.
  const bool looks_spin = header.flip_deg.value_or(0) >= 80 && physics.te_ms >= 7;
  physics.spin_echo = !physics.gradient_echo &&
                      (has(header.scanning_sequence, "SE") || header.echo_pulse_sequence == "SPIN" ||
                       named_spin || looks_spin || has(header.scanning_sequence, "IR"));
  physics.inversion = has(header.scanning_sequence, "IR") || header.inversion_recovery == "YES" ||
                      physics.ti_ms >= 100 || name_starts(header, {"SPCIR", "TIR"}) ||
                      upper(header.acquisition_contrast) == "FLUID_ATTENUATED" ||
                      has(header.image_type, "FLUID_ATTENUATED");
  physics.three_d = upper(header.acquisition_type) == "3D";
  return physics;
}

std::string timing_text(const Physics& physics) {
  std::string text = "TR " + short_number(physics.tr_ms) + ", TE " + short_number(physics.te_ms);
  if (physics.ti_ms > 0) text += ", TI " + short_number(physics.ti_ms);
  return text + " ms";
}

std::string shape_text(const Physics& physics) {
  return std::string(physics.three_d ? "3D " : "2D ") + (physics.inversion ? "inversion-prepared " : "") +
         (physics.gradient_echo ? "gradient echo"
          : physics.spin_echo   ? "spin echo"
                                : "sequence") +
         ", " + timing_text(physics);
}

KindMatch none(std::string reason) {
  return {std::nullopt, 0.9, {std::move(reason)}};
}

/// Fluid-attenuated inversion recovery; comes before T1 because SPACE and CUBE make both.
std::optional<KindMatch> as_flair(const Physics& physics, const Words& words) {
  const bool named = words.any("flair t2flair fluid darkfluid dafl") || words.phrase("da fl");
  if (physics.gradient_echo || !(physics.inversion || named)) return std::nullopt;
  const SequenceKind kind = physics.three_d ? SequenceKind::flair_3d : SequenceKind::flair_2d;
  if (physics.te_ms < 40) {
    if (physics.ti_ms >= 500 || named)
      return none("T1-FLAIR, not the T2-weighted FLAIR: " + timing_text(physics));
    return std::nullopt;
  }
  const bool long_timing = physics.te_ms >= 70 && physics.tr_ms >= 4000;
  if (!long_timing || (physics.ti_ms > 0 && physics.ti_ms < 1500)) return std::nullopt;
  if (physics.ti_ms >= 1500) return KindMatch{kind, named ? 0.97 : 0.93, {"FLAIR: " + shape_text(physics)}};
  if (named) return KindMatch{kind, 0.85, {"FLAIR by name: " + shape_text(physics)}};
  return std::nullopt;
}

std::optional<KindMatch> as_ir_gre(const Physics& physics, const Words& words) {
  if (!physics.gradient_echo || !physics.three_d) return std::nullopt;
  const bool named = words.any("mprage rage bravo fspgr irfspgr mpr tfl t1tfe") || words.phrase("ir prepped");
  if (physics.te_ms >= 10 || (physics.ti_ms > 0 && (physics.ti_ms < 250 || physics.ti_ms > 1500)))
    return none("gradient echo with other timing than BRAVO or MPRAGE: " + shape_text(physics));
  if (physics.inversion || physics.named_ir_gre) {
    const bool certain = physics.ti_ms > 0 || physics.named_ir_gre;
    return KindMatch{SequenceKind::t1_ir_gre,
                     certain ? 0.95 : 0.85,
                     {"T1 inversion-prepared 3D gradient echo: " + shape_text(physics)}};
  }
  if (named)
    return KindMatch{SequenceKind::t1_ir_gre,
                     0.75,
                     {"T1 3D gradient echo, BRAVO or MPRAGE by name: " + shape_text(physics)}};
  return none("3D gradient echo without inversion preparation: " + shape_text(physics));
}

std::optional<KindMatch> as_t1_spin_echo(const Physics& physics, const Words& words) {
  if (!physics.spin_echo || physics.inversion) return std::nullopt;
  const bool says_t2 = words.any("t2 t2w pd") && !words.any("t1 t1w");
  if (physics.three_d && physics.tr_ms < 1200 && physics.te_ms < 40)
    return KindMatch{
        SequenceKind::t1_tse_3d, says_t2 ? 0.6 : 0.93, {"T1 3D fast spin echo: " + shape_text(physics)}};
  if (!physics.three_d && physics.tr_ms >= 200 && physics.tr_ms <= 1000 && physics.te_ms < 35)
    return KindMatch{SequenceKind::t1_se_2d,
                     says_t2 ? 0.45 : 0.7,
                     {"T1 2D spin echo, a stand-in for 3D fast spin echo: " + shape_text(physics)}};
  return std::nullopt;
}

/// What a series of neither kind most likely is, for its reason.
std::string other_kind(const Physics& physics) {
  if (physics.spin_echo && !physics.inversion && physics.te_ms >= 50) return "T2-weighted: ";
  if (physics.spin_echo && !physics.inversion && physics.tr_ms > 1000) return "proton-density-weighted: ";
  return "none of the four sequences: ";
}

}  // namespace

std::string_view to_string(SequenceKind kind) {
  switch (kind) {
    case SequenceKind::flair_3d:
      return "3D FLAIR";
    case SequenceKind::flair_2d:
      return "2D FLAIR";
    case SequenceKind::t1_ir_gre:
      return "T1 inversion-prepared 3D gradient echo";
    case SequenceKind::t1_tse_3d:
      return "T1 3D fast spin echo";
    case SequenceKind::t1_se_2d:
      return "T1 2D spin echo";
  }
  return "";
}

KindMatch classify(const SeriesHeader& header) {
  const Physics physics = physics_of(header);
  const Words words(series_text(header));
  if (!physics.timed()) return none("neither repetition nor echo time is known: it cannot be identified");
  for (const auto& found :
       {as_flair(physics, words), as_ir_gre(physics, words), as_t1_spin_echo(physics, words)}) {
    if (!found) continue;
    KindMatch match = *found;
    if (!header.image_type.empty() && upper(header.image_type[0]) == "DERIVED") {
      match.confidence *= 0.9;
      match.reasons.push_back("derived images");
    }
    return match;
  }
  return none(other_kind(physics) + shape_text(physics));
}

}  // namespace metserve::pipeline
