#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dicom/frames.h"
#include "dicom/headers.h"
#include "dicom/study.h"

namespace metserve::dicom {

/// Images of one series that belong into one volume: all of a classic instance's, or one stack, echo, frame
/// type or temporal position of a multi-frame one.
struct SeriesPart {
  PartKey key;
  SeriesHeader header;
  std::optional<Moment> acquired;
  std::string contrast_start;  ///< (0018,1042) as sent
  std::vector<InstanceFile> instances;
  std::vector<Frame> frames;
  bool whole_instances = true;  ///< the part holds all frames of its instances
};

/// The parts of one file, more than one only for multi-frame objects. Throws Error as read_file does, and
/// Error(bad_input) without study, series or instance UID.
std::vector<SeriesPart> read_parts(const std::filesystem::path& path);

/// The part that a classic image is, without a header but for study and series UID, patient and has_pixels;
/// nothing for a file that only read_parts can read (see read_classic). Equal to that of read_parts
/// otherwise.
std::optional<SeriesPart> read_classic_part(const std::filesystem::path& path);

/// Joins the parts of one series that make one volume. Multi-frame instances that would lie upon each other
/// stay apart.
std::vector<SeriesPart> join_parts(std::vector<SeriesPart> parts);

}  // namespace metserve::dicom
