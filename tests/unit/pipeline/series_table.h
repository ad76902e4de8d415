#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dicom/study.h"

namespace metserve::pipeline::test {

/// One row of the table of real series headers: what the headers say, and what a person calls the series.
struct TableRow {
  int line = 0;
  dicom::SeriesHeader header;
  std::string human_class;
  std::string wanted_as;
};

/// Reads series_headers.csv (RFC 4180 quoting). Numbers of slices that the table does not know are taken to
/// be enough for a volume.
std::vector<TableRow> read_series_table(const std::filesystem::path& file);

}  // namespace metserve::pipeline::test
