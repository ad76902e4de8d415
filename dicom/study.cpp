#include "dicom/study.h"

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <string_view>
#include <tuple>

#include "dicom/error.h"
#include "dicom/series_parts.h"
#include "dicom/slice_order.h"

namespace metserve::dicom {
namespace {

/// Whether there is a DICOM image under what cannot be read, not a text or a directory of files
/// (PS3.10 7.1, 8.6).
bool begins_as_image(const std::filesystem::path& path) {
  std::array<char, 132> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  return std::string_view(start.data() + 128, 4) == "DICM" && path.filename() != "DICOMDIR";
}

/// Parts of one study by series UID; a file that was sent twice is read once.
class Collector {
 public:
  void add(const std::filesystem::path& path) {
    std::vector<SeriesPart> parts;
    try {
      parts = read(path);
    } catch (const Error& error) {
      unreadable_.push_back({path, error.what(), begins_as_image(path)});
      return;
    }
    check_study(parts[0].header.study_instance_uid, path);
    const auto [known, added] = files_.try_emplace(parts[0].instances[0].sop_instance_uid, path);
    if (!added) {
      unreadable_.push_back({path, path.string() + ": the same SOP instance UID as " +
                                       known->second.string() + ", which is used instead"});
      return;
    }
    auto& series = parts_[parts[0].header.series_instance_uid];
    std::move(parts.begin(), parts.end(), std::back_inserter(series));
  }

  const std::string& study_uid() const { return study_uid_; }
  const std::map<std::string, std::vector<SeriesPart>>& parts() const { return parts_; }
  const std::vector<UnreadableFile>& unreadable() const { return unreadable_; }

 private:
  /// Only the first file of a part is parsed whole: the header of a part is that of its first file.
  std::vector<SeriesPart> read(const std::filesystem::path& path) {
    auto classic = read_classic_part(path);
    if (classic && parts_with_header_.contains(name_of(*classic))) return {std::move(*classic)};
    auto parts = read_parts(path);
    if (!classic) return parts;
    parts_with_header_.insert(name_of(*classic));
    classic->header = parts[0].header;
    return {std::move(*classic)};
  }

  /// Series, SOP class and key.
  using PartName = std::tuple<std::string, std::string, PartKey>;

  static PartName name_of(const SeriesPart& part) {
    return {part.header.series_instance_uid, part.instances[0].sop_class_uid, part.key};
  }

  void check_study(const std::string& uid, const std::filesystem::path& path) {
    if (study_uid_.empty()) {
      study_uid_ = uid;
      first_file_ = path;
    }
    if (uid != study_uid_)
      throw Error(Error::Kind::bad_input, "more than one study: " + first_file_.string() + " is of " +
                                              study_uid_ + ", " + path.string() + " of " + uid +
                                              "; give the files of one");
  }

  std::string study_uid_;
  std::filesystem::path first_file_;
  std::map<std::string, std::filesystem::path> files_;  // by SOP instance UID
  std::map<std::string, std::vector<SeriesPart>> parts_;
  std::set<PartName> parts_with_header_;
  std::vector<UnreadableFile> unreadable_;
};

Series series_of(const SeriesPart& part) {
  Series series{part.header, part.instances, part.frames};
  series.header.images = static_cast<int>(std::min<std::size_t>(part.frames.size(), INT_MAX));
  series.header.plane = plane_of(part.frames[0].orientation);
  const auto stacked = stack_slices(part.frames);
  if (const auto* stack = std::get_if<SliceStack>(&stacked)) {
    const VolumeGeometry& geometry = stack->geometry;
    series.header.slice_spacing_mm = geometry.spacing_mm[2];
    series.header.first_slice_mm = std::inner_product(
        geometry.origin_lps_mm.begin(), geometry.origin_lps_mm.end(), geometry.axes_lps[2].begin(), 0.0);
  } else {
    series.header.geometry_problem = std::get<std::string>(stacked);
  }
  return series;
}

double seconds_since(long first_day, const Moment& moment) {
  return moment.seconds + 86400.0 * static_cast<double>(moment.day.value_or(first_day) - first_day);
}

/// ContrastBolusStartTime has no date: it is taken to be of the acquisition's day.
std::optional<double> contrast_start_s(const SeriesPart& part, long first_day) {
  const auto start = parse_moment("", part.contrast_start);
  if (!start) return std::nullopt;
  return seconds_since(first_day, {part.acquired ? part.acquired->day : std::nullopt, start->seconds});
}

}  // namespace

Study scan_study(const std::vector<std::filesystem::path>& files, const std::function<void()>& before_each) {
  Collector collector;
  for (const auto& path : files) {
    if (before_each) before_each();
    collector.add(path);
  }
  if (collector.parts().empty())
    throw Error(Error::Kind::bad_input,
                files.empty() ? "no files given"
                              : "no DICOM image among " + std::to_string(files.size()) +
                                    " file(s); first: " + collector.unreadable().front().reason);

  std::vector<SeriesPart> parts;
  for (const auto& [uid, of_series] : collector.parts())
    for (SeriesPart& part : join_parts(of_series)) parts.push_back(std::move(part));
  std::stable_sort(parts.begin(), parts.end(), [](const SeriesPart& a, const SeriesPart& b) {
    return a.header.series_number.value_or(INT_MAX) < b.header.series_number.value_or(INT_MAX);
  });
  long first_day = LONG_MAX;
  for (const SeriesPart& part : parts)
    if (part.acquired && part.acquired->day) first_day = std::min(first_day, *part.acquired->day);

  Study study{collector.study_uid(), {}, collector.unreadable()};
  for (const SeriesPart& part : parts) {
    Series series = series_of(part);
    if (part.acquired) series.header.acquisition_time_s = seconds_since(first_day, *part.acquired);
    series.header.contrast_start_time_s = contrast_start_s(part, first_day);
    study.series.push_back(std::move(series));
  }
  return study;
}

}  // namespace metserve::dicom
