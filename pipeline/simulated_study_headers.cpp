#include "pipeline/simulated_study_headers.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace metserve::pipeline {

namespace {

using models::Slot;

/// One vendor's way to write one sequence. `@` in a description stands for the plane.
struct Style {
  std::string_view description;
  std::vector<std::string> scanning_sequence, sequence_variant, scan_options;
  std::string_view sequence_name;
};

Style ge_style(Slot slot) {
  switch (slot) {
    case Slot::t1_gre_post:
      return {"@ BRAVO +C", {"GR", "IR"}, {"SS", "SP", "SK"}, {"FAST_GEMS", "EDR_GEMS"}, "bravo"};
    case Slot::t1_se_pre:
      return {"@ CUBE T1 pre", {"SE"}, {"SK"}, {"FAST_GEMS", "EDR_GEMS"}, "cube"};
    case Slot::t1_se_post:
      return {"@ CUBE T1 +C", {"SE"}, {"SK"}, {"FAST_GEMS", "EDR_GEMS"}, "cube"};
    case Slot::flair:
      return {"@ CUBE T2 FLAIR", {"SE", "IR"}, {"SK"}, {"FAST_GEMS", "EDR_GEMS", "IR"}, "cube"};
  }
  return {};
}

Style siemens_style(Slot slot) {
  switch (slot) {
    case Slot::t1_gre_post:
      return {"t1_mprage_@_p2_iso_KM", {"GR", "IR"}, {"SP", "MP"}, {"IR", "PFP"}, "*tfl3d1_16ns"};
    case Slot::t1_se_pre:
      return {"t1_spc_@_iso_nativ", {"SE"}, {"SK", "SP", "OSP"}, {"PFP"}, "*spc_232ns"};
    case Slot::t1_se_post:
      return {"t1_spc_@_iso_KM", {"SE"}, {"SK", "SP", "OSP"}, {"PFP"}, "*spc_232ns"};
    case Slot::flair:
      return {"t2_spc_da-fl_@_p2_iso", {"SE", "IR"}, {"SK", "SP", "MP"}, {"IR", "PFP"}, "*spcir_284ns"};
  }
  return {};
}

Style philips_style(Slot slot) {
  switch (slot) {
    case Slot::t1_gre_post:
      return {"T1W_3D_TFE @ +C", {"GR"}, {"MP"}, {"OTHER"}, "T1TFE"};
    case Slot::t1_se_pre:
      return {"T1W_3D_VISTA @ pre", {"SE"}, {"SK"}, {"OTHER"}, "TSE"};
    case Slot::t1_se_post:
      return {"T1W_3D_VISTA @ +C", {"SE"}, {"SK"}, {"OTHER"}, "TSE"};
    case Slot::flair:
      return {"3D_Brain_VIEW_FLAIR @", {"IR"}, {"SK"}, {"OTHER"}, "TSEIR"};
  }
  return {};
}

std::string in_plane(std::string_view description, std::string_view plane, bool lower) {
  std::string word(plane);
  if (lower)
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string text(description);
  return text.replace(text.find('@'), 1, word);
}

/// Order in the examination: FLAIR and CUBE before the contrast agent, then BRAVO and CUBE.
struct Moment {
  int series_number;
  double time_s;
};

Moment moment_of(Slot slot) {
  constexpr double start_s = 10 * 3600;
  switch (slot) {
    case Slot::flair:
      return {2, start_s + 300};
    case Slot::t1_se_pre:
      return {3, start_s + 720};
    case Slot::t1_gre_post:
      return {5, start_s + 1500};
    case Slot::t1_se_post:
      return {6, start_s + 1920};
  }
  return {};
}

void put_scanner(Vendor vendor, dicom::SeriesHeader& header) {
  constexpr std::array<std::array<const char*, 2>, 3> scanners{{{"GE MEDICAL SYSTEMS", "DISCOVERY MR750"},
                                                                {"SIEMENS", "Skyra"},
                                                                {"Philips Medical Systems", "Ingenia"}}};
  const auto& [manufacturer, model] = scanners[static_cast<std::size_t>(vendor)];
  header.manufacturer = manufacturer;
  header.model_name = model + std::string(" (simulated)");
  header.station_name = "SIMULATED";
  header.image_type = {"ORIGINAL", "PRIMARY", "OTHER"};
  if (vendor == Vendor::siemens) header.image_type = {"ORIGINAL", "PRIMARY", "M", "ND", "NORM"};
  if (vendor == Vendor::philips) header.image_type = {"ORIGINAL", "PRIMARY", "M", "SE", "M"};
}

void put_physics(Vendor vendor, const models::SimulatedSequence& sequence, dicom::SeriesHeader& header) {
  header.acquisition_type = "3D";
  header.tr_ms = sequence.tr_ms;
  header.te_ms = sequence.te_ms;
  header.flip_deg = sequence.flip_deg;
  header.echo_train_length = sequence.echo_train_length;
  if (sequence.ti_ms > 0) header.ti_ms = sequence.ti_ms;
  if (sequence.slot != Slot::t1_gre_post) return;
  // Siemens gives the whole cycle as TR; Philips gives no TI.
  if (vendor == Vendor::siemens) header.tr_ms = 2000;
  if (vendor == Vendor::philips) header.ti_ms.reset();
}

}  // namespace

dicom::SeriesHeader vendor_header(Vendor vendor, const models::SimulatedSequence& sequence,
                                  std::string_view plane) {
  const Style style = vendor == Vendor::ge        ? ge_style(sequence.slot)
                      : vendor == Vendor::siemens ? siemens_style(sequence.slot)
                                                  : philips_style(sequence.slot);
  dicom::SeriesHeader header;
  header.modality = "MR";
  header.body_part = "BRAIN";
  put_scanner(vendor, header);
  put_physics(vendor, sequence, header);
  header.series_description = in_plane(style.description, plane, vendor == Vendor::siemens);
  header.protocol_name = vendor == Vendor::ge ? "Brain metastases W WO" : header.series_description;
  header.scanning_sequence = style.scanning_sequence;
  header.sequence_variant = style.sequence_variant;
  header.scan_options = style.scan_options;
  header.sequence_name = style.sequence_name;

  const Moment moment = moment_of(sequence.slot);
  header.series_number = moment.series_number;
  header.acquisition_time_s = moment.time_s;
  if (sequence.slot == Slot::t1_gre_post || sequence.slot == Slot::t1_se_post) {
    header.contrast_agent = "Gadobutrol";
    header.contrast_route = "IV";
    header.contrast_volume = "7.5";
  }
  return header;
}

}  // namespace metserve::pipeline
