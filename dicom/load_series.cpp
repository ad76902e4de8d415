#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "dicom/error.h"
#include "dicom/frames.h"
#include "dicom/pixels.h"
#include "dicom/slice_order.h"
#include "dicom/study.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t most_voxels = std::size_t{1} << 29;  // 2 GiB of float: no head MR is larger

std::string name_of(const SeriesHeader& header) {
  std::string name = "series ";
  if (header.series_number) name += std::to_string(*header.series_number) + ' ';
  if (!header.series_description.empty()) name += "'" + header.series_description + "' ";
  return name + "(" + header.series_instance_uid + ")";
}

/// Parsed files of a series, in the order of its instances; their pixel data is still on disk. Null for a
/// deflated file, whose pixel data would be in memory: it is parsed again when it is decoded.
using Files = std::vector<std::unique_ptr<DcmFileFormat>>;

/// What was readable when the study was scanned can be gone or cut off since.
std::unique_ptr<DcmFileFormat> open_instance(const Series& series, const InstanceFile& instance) {
  try {
    return read_file(instance.path);
  } catch (const Error& error) {
    throw Error(error.kind(),
                name_of(series.header) + ": instance " + instance.sop_instance_uid + ": " + error.what());
  }
}

std::vector<Frame> read_frames(const Series& series, Files& files) {
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < series.instances.size(); ++i) {
    const InstanceFile& instance = series.instances[i];
    files.push_back(open_instance(series, instance));
    const auto attributes = frame_attributes(*files.back()->getDataset(), instance.path.string());
    for (std::uint32_t number = 1; number <= attributes.size(); ++number) {
      if (!series.frames.empty() &&
          std::find(series.frames.begin(), series.frames.end(), number) == series.frames.end())
        continue;
      frames.push_back(read_frame(attributes[number - 1], number, instance.enhanced));
      frames.back().file = i;
    }
    if (files.back()->getDataset()->getOriginalXfer() == EXS_DeflatedLittleEndianExplicit)
      files.back().reset();
  }
  return frames;
}

SliceStack stack_or_throw(const std::vector<Frame>& frames, const std::string& name) {
  auto stacked = stack_slices(frames);
  if (const auto* problem = std::get_if<std::string>(&stacked))
    throw Error(Error::Kind::bad_input, name + ": " + *problem);
  SliceStack stack = std::get<SliceStack>(std::move(stacked));
  if (stack.geometry.voxel_count() > most_voxels)
    throw Error(Error::Kind::unsupported, name + ": " + std::to_string(stack.geometry.voxel_count()) +
                                              " voxels are too many for one series");
  return stack;
}

/// Whether all that the frame can hold is still a number when it is rescaled.
bool fits_a_float(const Frame& frame) {
  return std::abs(frame.slope) * 65536 + std::abs(frame.intercept) <= std::numeric_limits<float>::max();
}

/// Puts each frame where it belongs. Each file is closed when it is decoded, so that the pixel data of one
/// alone is in memory.
void decode_into(const Series& series, Files files, const std::vector<Frame>& frames, const SliceStack& stack,
                 Volume& volume) {
  const std::string name = name_of(series.header);
  volume.voxels.resize(stack.geometry.voxel_count());
  const std::size_t slice_voxels = stack.geometry.size[0] * stack.geometry.size[1];
  std::vector<std::vector<std::size_t>> slices_of_file(series.instances.size());
  for (std::size_t k = 0; k < stack.order.size(); ++k)
    slices_of_file[frames[stack.order[k]].file].push_back(k);
  for (std::size_t i = 0; i < series.instances.size(); ++i) {
    if (slices_of_file[i].empty()) continue;
    const auto file = files[i] ? std::move(files[i]) : open_instance(series, series.instances[i]);
    const Pixels pixels(*file->getDataset(), name + ": instance " + series.instances[i].sop_instance_uid);
    for (const std::size_t k : slices_of_file[i]) {
      const Frame& frame = frames[stack.order[k]];
      if (frame.slope == 0 || !fits_a_float(frame))
        throw Error(Error::Kind::bad_input, name + ": " + frame.label + " has an unusable rescale slope");
      pixels.read_frame(frame.number, frame.slope, frame.intercept,
                        std::span(volume.voxels).subspan(k * slice_voxels, slice_voxels));
    }
  }
}

std::vector<SliceSource> sources_of(const Series& series, const std::vector<Frame>& frames,
                                    const SliceStack& stack) {
  std::vector<SliceSource> sources;
  for (const std::size_t index : stack.order) {
    const Frame& frame = frames[index];
    const InstanceFile& instance = series.instances[frame.file];
    sources.push_back({instance.sop_class_uid, instance.sop_instance_uid, std::nullopt, frame.position});
    if (instance.enhanced) sources.back().frame_number = frame.number;
  }
  return sources;
}

/// Worth telling, but no obstacle.
std::vector<std::string> warnings_of(const LoadedSeries& loaded) {
  std::vector<std::string> warnings;
  const VolumeGeometry& geometry = loaded.volume.geometry;
  const double thickness = parse_number(loaded.slice_thickness).value_or(geometry.spacing_mm[2]);
  if (geometry.size[2] > 1 && geometry.spacing_mm[2] > 2 * thickness)
    warnings.push_back("slices of " + loaded.slice_thickness + " mm lie more than twice that apart");
  if (loaded.header.frame_of_reference_uid.empty())
    warnings.push_back("no frame of reference: its place against other series is not known");
  return warnings;
}

}  // namespace

LoadedSeries load_series(const Series& series) {
  const std::string name = name_of(series.header);
  Files files;
  const std::vector<Frame> frames = read_frames(series, files);
  const SliceStack stack = stack_or_throw(frames, name);
  const Frame& first = frames[stack.order.front()];

  LoadedSeries loaded;
  loaded.header = series.header;
  loaded.volume.geometry = stack.geometry;
  decode_into(series, std::move(files), frames, stack, loaded.volume);
  loaded.slices = sources_of(series, frames, stack);
  loaded.image_orientation = first.orientation;
  loaded.pixel_spacing = first.pixel_spacing;
  loaded.slice_thickness = first.thickness;
  loaded.first_file = series.instances[first.file].path;
  loaded.warnings = warnings_of(loaded);
  return loaded;
}

}  // namespace metserve::dicom
