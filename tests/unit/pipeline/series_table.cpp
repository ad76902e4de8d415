#include "tests/unit/pipeline/series_table.h"

#include <fstream>
#include <map>
#include <optional>

namespace metserve::pipeline::test {
namespace {

std::vector<std::string> split_csv(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      cells.emplace_back();
    else if (c != '\r')
      cells.back() += c;
  }
  return cells;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::optional<double> number(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return std::stod(text);
}

/// "not MR (SEG)" is the only place where the table tells the modality.
std::string modality_of(const std::string& human_class) {
  const std::string prefix = "not MR (";
  if (!human_class.starts_with(prefix)) return "MR";
  return human_class.substr(prefix.size(), human_class.size() - prefix.size() - 1);
}

std::vector<std::string> image_type_of(const std::string& text) {
  std::vector<std::string> type;
  for (const std::string& alternative : split(text, '|')) {
    for (std::string part : split(alternative, '\\')) {
      part.erase(0, part.find_first_not_of(' '));
      part.erase(part.find_last_not_of(' ') + 1);
      if (!part.empty()) type.push_back(part);
    }
  }
  return type;
}

dicom::SeriesHeader header_of(std::map<std::string, std::string>& cell) {
  dicom::SeriesHeader header;
  header.modality = modality_of(cell["human_class"]);
  header.manufacturer = cell["Manufacturer"];
  header.model_name = cell["Model"];
  header.series_description = cell["SeriesDescription"];
  header.protocol_name = cell["ProtocolName"];
  header.scanning_sequence = split(cell["ScanningSequence"], '\\');
  header.sequence_variant = split(cell["SequenceVariant"], '\\');
  header.scan_options = split(cell["ScanOptions"], '\\');
  header.sequence_name = cell["SequenceName"];
  const std::string pulse = cell["PulseSequenceName"];
  if (pulse.starts_with("GE:"))
    header.ge_internal_sequence_name = pulse.substr(3);
  else if (header.sequence_name.empty())
    header.sequence_name = pulse;
  header.acquisition_type = cell["MRAcquisitionType"];
  header.tr_ms = number(cell["TR_ms"]);
  header.te_ms = number(cell["TE_ms"]);
  header.ti_ms = number(cell["TI_ms"]);
  header.flip_deg = number(cell["FlipAngle"]);
  if (const auto etl = number(cell["ETL"])) header.echo_train_length = static_cast<int>(*etl);
  header.contrast_agent = cell["ContrastBolusAgent"];
  header.image_type = image_type_of(cell["ImageType"]);
  header.plane = cell["plane"];
  header.slice_spacing_mm = number(cell["geom_spacing"]);
  header.geometry_problem = cell["problems"];
  header.has_pixels = true;
  const std::string images = cell["n_slices"].empty() ? cell["n_frames"] : cell["n_slices"];
  header.images = images.empty() ? 150 : std::stoi(images);
  return header;
}

}  // namespace

std::vector<TableRow> read_series_table(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> names = split_csv(line);
  std::vector<TableRow> rows;
  for (int number = 2; std::getline(in, line); ++number) {
    const std::vector<std::string> cells = split_csv(line);
    std::map<std::string, std::string> cell;
    for (std::size_t i = 0; i < names.size() && i < cells.size(); ++i) cell[names[i]] = cells[i];
    rows.push_back({number, header_of(cell), cell["human_class"], cell["wanted_as"]});
  }
  return rows;
}

}  // namespace metserve::pipeline::test
