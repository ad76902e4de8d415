#include "tests/unit/pipeline/header_fixtures.h"

namespace metserve::pipeline::test {

using dicom::SeriesHeader;

SeriesHeader mr(const std::string& description, int number, double time_s) {
  SeriesHeader header;
  header.modality = "MR";
  header.manufacturer = "SIEMENS";
  header.series_description = description;
  header.series_instance_uid = "2.25." + std::to_string(number);
  header.frame_of_reference_uid = "2.25.1000";
  header.series_number = number;
  header.acquisition_time_s = time_s;
  header.image_type = {"ORIGINAL", "PRIMARY", "M", "ND", "NORM"};
  header.acquisition_type = "3D";
  header.plane = "SAG";
  header.slice_spacing_mm = 1;
  header.images = 176;
  header.has_pixels = true;
  return header;
}

SeriesHeader mprage(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"IR", "GR"};
  header.sequence_variant = {"OSP", "SP", "MP"};
  header.sequence_name = "*tfl3d1_16ns";
  header.tr_ms = 2000;
  header.te_ms = 2.5;
  header.ti_ms = 900;
  header.flip_deg = 8;
  return header;
}

SeriesHeader space(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"SE"};
  header.sequence_variant = {"SK", "SP"};
  header.sequence_name = "*spc_242ns";
  header.tr_ms = 600;
  header.te_ms = 11;
  return header;
}

SeriesHeader space_flair(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"SE", "IR"};
  header.sequence_name = "*spcir_278ns";
  header.tr_ms = 5000;
  header.te_ms = 390;
  header.ti_ms = 1800;
  return header;
}

SeriesHeader t1_se_2d(const std::string& description, int number, double time_s) {
  SeriesHeader header = mr(description, number, time_s);
  header.scanning_sequence = {"SE"};
  header.sequence_name = "*se2d1";
  header.acquisition_type = "2D";
  header.plane = "AX";
  header.images = 28;
  header.slice_spacing_mm = 5.5;
  header.tr_ms = 500;
  header.te_ms = 9;
  return header;
}

StudyMatch match(const std::vector<SeriesHeader>& headers, const MatchOptions& options) {
  dicom::Study study;
  study.study_instance_uid = "2.25.1";
  for (const SeriesHeader& header : headers) study.series.push_back({header, {}, {}});
  return match_study(study, options);
}

std::string outcome(const SeriesMatch& m) {
  return std::string(to_string(m.decision)) + " " + (m.slot ? std::string(models::id(*m.slot)) : "-");
}

}  // namespace metserve::pipeline::test
