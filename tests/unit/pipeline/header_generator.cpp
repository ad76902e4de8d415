#include "tests/unit/pipeline/header_generator.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace metserve::pipeline::test {

namespace {

using dicom::SeriesHeader;
using models::Slot;

enum class Scanner { siemens, siemens_xa, ge, philips, philips_enhanced, canon };
enum class What { localizer, diffusion, t2, susceptibility, angiography, flair, t1_se, t1_gre };

constexpr std::array<const char*, 6> makers{
    "SIEMENS",  "Siemens Healthineers", "GE MEDICAL SYSTEMS", "Philips Medical Systems", "Philips",
    "CANON_MEC"};

/// What is written of a series before and after the agent.
struct Language {
  const char* before;
  const char* after;
};
constexpr std::array<Language, 15> languages{{{"pre", "post"},
                                              {"w/o contrast", "+C"},
                                              {"nativ", "KM"},
                                              {"ohne KM", "mit KM"},
                                              {"sans gado", "gado"},
                                              {"sin contraste", "con contraste"},
                                              {"sem contraste", "com contraste"},
                                              {"senza mdc", "mdc"},
                                              {"zonder contrast", "met contrast"},
                                              {"utan kontrast", "med kontrast"},
                                              {"uten gd", "med gd"},
                                              {"KM-", "KM+"},
                                              {"o. KM", "m. KM"},
                                              {"u/ kontrast", "m/ kontrast"},
                                              {"S/ CONTRASTE", "C/ CONTRASTE"}}};

/// Physics as one maker writes it; 0 and empty: the maker does not.
struct Protocol {
  const char* description;
  const char* sequence_name;
  std::vector<std::string> scanning, variant;
  const char* echo;       ///< enhanced echo pulse sequence
  const char* inversion;  ///< enhanced
  bool three_d;
  double tr_ms, te_ms, ti_ms, flip_deg;
  int echo_train;
  int images;
  double spacing_mm;
};

Protocol other(What what, bool siemens) {
  switch (what) {
    case What::localizer:
      return {
          "localizer", siemens ? "*fl2d1" : "", {"GR"}, {"SP"}, "GRADIENT", "", false, 8, 3.7, 0, 20, 1, 9,
          10};
    case What::diffusion:
      return {"DWI b1000",  siemens ? "*ep_b1000" : "",
              {"EP", "SE"}, {"SK"},
              "SPIN",       "",
              false,        4600,
              80,           0,
              90,           60,
              52,           4};
    case What::t2:
      return {"T2 TSE", siemens ? "*tse2d1_18" : "",
              {"SE"},   {"SK", "SP"},
              "SPIN",   "",
              false,    5000,
              95,       0,
              150,      18,
              30,       5};
    case What::susceptibility:
      return {"SWI", siemens ? "*swi3d1r" : "", {"GR"}, {"SP"}, "GRADIENT", "", true, 27, 20, 0, 15, 1, 80,
              2};
    default:
      return {
          "TOF 3D", siemens ? "*fi3d1r" : "", {"GR"}, {"SP"}, "GRADIENT", "", true, 21, 3.6, 0, 18, 1, 160,
          0.6};
  }
}

Protocol siemens(What what) {
  if (what == What::t1_gre)
    return {"t1_mprage_sag",
            "*tfl3d1_16ns",
            {"GR", "IR"},
            {"SK", "SP", "MP"},
            "GRADIENT",
            "YES",
            true,
            2000,
            2.6,
            900,
            8,
            1,
            176,
            1};
  if (what == What::t1_se)
    return {
        "t1_space_sag", "*spc_242ns", {"SE"}, {"SK", "SP"}, "SPIN", "NO", true, 650, 11, 0, 120, 42, 176, 1};
  if (what == What::flair)
    return {"t2_space_dark-fluid",
            "*spcir_278ns",
            {"SE", "IR"},
            {"SK", "SP", "MP"},
            "SPIN",
            "YES",
            true,
            5000,
            388,
            1800,
            120,
            278,
            176,
            1};
  return other(what, true);
}

Protocol ge(What what) {
  if (what == What::t1_gre)
    return {"Ax BRAVO", "BRAVO", {"GR"}, {"SS", "SP", "SK"}, "GRADIENT", "YES", true, 8.3, 3.2, 450, 12,
            1,          160,     1};
  if (what == What::t1_se)
    return {"Sag T1 CUBE", "Cube", {"SE"}, {"SK"}, "SPIN", "NO", true, 600, 14, 0, 90, 24, 320, 0.6};
  if (what == What::flair)
    return {"Sag CUBE FLAIR",
            "Cube",
            {"SE", "IR"},
            {"SK"},
            "SPIN",
            "YES",
            true,
            6500,
            125,
            1850,
            90,
            160,
            220,
            0.8};
  return other(what, false);
}

Protocol philips(What what) {
  if (what == What::t1_gre)
    return {"3D T1 TFE", "T1TFE", {"GR"}, {"MP"}, "GRADIENT", "NO", true, 8.1, 3.7, 0, 8, 205, 180, 1};
  if (what == What::t1_se)
    return {"sT1W 3D BrainVIEW", "TSE", {"SE"}, {"SK"}, "SPIN", "NO", true, 420, 26, 0, 90, 32, 180, 1};
  if (what == What::flair)
    return {
        "3D FLAIR VISTA", "TSEIR", {"IR"}, {"SK"}, "SPIN", "YES", true, 4800, 310, 1750, 90, 170, 180, 1.1};
  return other(what, false);
}

Protocol canon(What what) {
  if (what == What::t1_gre)
    return {
        "3D T1 MPRAGE", "FFE3D", {"GR", "IR"}, {"MP"}, "GRADIENT", "YES", true, 6.3, 2.7, 850, 9, 1, 180, 1};
  if (what == What::t1_se)
    return {"3D T1 MVOX", "FASE3D", {"SE"}, {"SK"}, "SPIN", "NO", true, 500, 18, 0, 90, 30, 180, 1};
  if (what == What::flair)
    return {"3D FLAIR MVOX", "FASE3D", {"IR"}, {"SK"}, "SPIN", "YES", true, 6000, 350, 1900, 90, 150, 180, 1};
  return other(what, false);
}

Protocol protocol_of(Scanner scanner, What what) {
  switch (scanner) {
    case Scanner::siemens:
    case Scanner::siemens_xa:
      return siemens(what);
    case Scanner::ge:
      return ge(what);
    case Scanner::philips:
    case Scanner::philips_enhanced:
      return philips(what);
    case Scanner::canon:
      break;
  }
  return canon(what);
}

SeriesHeader header_of(Scanner scanner, const Protocol& protocol) {
  const bool enhanced = scanner == Scanner::siemens_xa || scanner == Scanner::philips_enhanced;
  SeriesHeader header;
  header.modality = "MR";
  header.manufacturer = makers[static_cast<std::size_t>(scanner)];
  header.image_type = {"ORIGINAL", "PRIMARY", "M"};
  header.acquisition_type = protocol.three_d ? "3D" : "2D";
  header.plane = protocol.three_d ? "SAG" : "AX";
  if (scanner == Scanner::ge)
    header.ge_internal_sequence_name = protocol.sequence_name;
  else if (scanner != Scanner::philips)  // whose classic images name none
    header.sequence_name = protocol.sequence_name;
  if (enhanced) {
    header.echo_pulse_sequence = protocol.echo;
    header.inversion_recovery = protocol.inversion;
    header.acquisition_contrast = "UNKNOWN";
  } else {
    header.scanning_sequence = protocol.scanning;
    header.sequence_variant = protocol.variant;
  }
  header.tr_ms = protocol.tr_ms;
  header.te_ms = protocol.te_ms;
  if (protocol.ti_ms > 0) header.ti_ms = protocol.ti_ms;
  header.flip_deg = protocol.flip_deg;
  header.echo_train_length = protocol.echo_train;
  header.images = protocol.images;
  header.slice_spacing_mm = protocol.spacing_mm;
  header.has_pixels = true;
  return header;
}

std::optional<Slot> slot_of(What what, bool after_agent) {
  if (what == What::flair) return Slot::flair;
  if (what == What::t1_se) return after_agent ? Slot::t1_se_post : Slot::t1_se_pre;
  if (what == What::t1_gre && after_agent) return Slot::t1_gre_post;
  return std::nullopt;
}

}  // namespace

bool HeaderGenerator::happens(double share) {
  return static_cast<double>(random_() % 10000) < 10000 * share;
}

std::size_t HeaderGenerator::below(std::size_t count) {
  return random_() % count;
}

double HeaderGenerator::spread(double value) {
  return value * (1 + faults_.timing_spread * (static_cast<double>(random_() % 2001) / 1000 - 1));
}

std::vector<GeneratedSeries> HeaderGenerator::examination() {
  const auto scanner = static_cast<Scanner>(below(makers.size()));
  const Language& language = languages[below(languages.size())];
  struct Step {
    What what;
    bool after_agent;
  };
  std::vector<Step> steps{{What::localizer, false}, {What::diffusion, false},      {What::t2, false},
                          {What::flair, false},     {What::susceptibility, false}, {What::angiography, false},
                          {What::t1_se, false},     {What::t1_gre, true},          {What::t1_se, true}};
  if (happens(0.3)) steps.insert(steps.begin() + 6, {What::t1_gre, false});
  std::vector<GeneratedSeries> series;
  double time_s = 36000;
  for (const Step& step : steps) {
    const Protocol protocol = protocol_of(scanner, step.what);
    SeriesHeader header = header_of(scanner, protocol);
    const bool t1 = step.what == What::t1_se || step.what == What::t1_gre;
    const bool silent = happens(faults_.silent_on_contrast);
    header.series_description = protocol.description;
    if (t1 && !silent)
      header.series_description += std::string(" ") + (step.after_agent ? language.after : language.before);
    if (step.after_agent && !silent && happens(0.7)) header.contrast_agent = "Gadobutrol";
    for (auto* value : {&header.tr_ms, &header.te_ms, &header.ti_ms})
      if (*value) *value = spread(**value);
    header.series_number = static_cast<int>(series.size()) + 2;
    header.series_instance_uid = "2.25." + std::to_string(random_());
    header.acquisition_time_s = time_s += 200;
    series.push_back({header, slot_of(step.what, step.after_agent)});
  }
  disturb(series);
  return series;
}

void HeaderGenerator::disturb(std::vector<GeneratedSeries>& series) {
  const bool everywhere = happens(faults_.agent_everywhere);
  for (GeneratedSeries& one : series) {
    if (everywhere) one.header.contrast_agent = "Gadobutrol";
    if (happens(faults_.missing_attribute)) lose_an_attribute(one.header);
    if (happens(faults_.wrong_description))
      one.header.series_description = series[below(series.size())].header.series_description;
  }
}

void HeaderGenerator::lose_an_attribute(SeriesHeader& header) {
  switch (below(8)) {
    case 0:
      return header.scanning_sequence.clear();
    case 1:
      return header.sequence_variant.clear();
    case 2:
      return header.sequence_name.clear();
    case 3:
      return header.ge_internal_sequence_name.clear();
    case 4:
      return header.ti_ms.reset();
    case 5:
      return header.acquisition_time_s.reset();
    case 6:
      return header.flip_deg.reset();
    default:
      return header.te_ms.reset();
  }
}

SeriesHeader rewritten(SeriesHeader header, std::mt19937& random) {
  std::shuffle(header.scanning_sequence.begin(), header.scanning_sequence.end(), random);
  std::shuffle(header.sequence_variant.begin(), header.sequence_variant.end(), random);
  if (header.image_type.size() > 2)  // the first two values have a place of their own
    std::shuffle(header.image_type.begin() + 2, header.image_type.end(), random);
  const bool loud = random() % 2 == 0;
  for (std::string* text : {&header.series_description, &header.sequence_name, &header.contrast_agent,
                            &header.ge_internal_sequence_name, &header.manufacturer})
    for (char& c : *text) {
      const auto letter = static_cast<unsigned char>(c);
      if (letter < 0x80) c = static_cast<char>(loud ? std::toupper(letter) : std::tolower(letter));
    }
  if (!header.sequence_name.empty() && header.sequence_name.front() != '*' && random() % 2 == 0)
    header.sequence_name = "*" + header.sequence_name;
  return header;
}

}  // namespace metserve::pipeline::test
