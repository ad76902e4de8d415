#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <sys/mman.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
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

/// What was readable when the study was scanned can be gone or cut off since.
std::unique_ptr<DcmFileFormat> open_instance(const Series& series, const InstanceFile& instance) {
  try {
    return read_file(instance.path);
  } catch (const Error& error) {
    throw Error(error.kind(),
                name_of(series.header) + ": instance " + instance.sop_instance_uid + ": " + error.what());
  }
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

Rescale rescale_of(const Frame& frame, const std::string& name) {
  if (frame.slope == 0 || !fits_a_float(frame))
    throw Error(Error::Kind::bad_input, name + ": " + frame.label + " has an unusable rescale slope");
  return {frame.slope, frame.intercept, frame.inverted};
}

/// Puts the frames where they belong, one file after the other, so that the pixel data of one alone is in
/// memory.
class Decoder {
 public:
  Decoder(const Series& series, const SliceStack& stack, Volume& volume)
      : series_(series), stack_(stack), volume_(volume), name_(name_of(series.header)) {}

  void decode(std::size_t file, const std::vector<std::size_t>& slices) {
    const InstanceFile& instance = series_.instances[file];
    const std::string name = name_ + ": instance " + instance.sop_instance_uid;
    if (instance.native) {
      const std::uint8_t* bytes = read_native(*instance.native, instance.path, name, scratch_);
      const PixelFormat& format = instance.native->format;
      if (format.rows != stack_.geometry.size[1] || format.columns != stack_.geometry.size[0])
        throw Error(Error::Kind::bad_input, name + ": rows and columns differ from its series'");
      for (const std::size_t k : slices)
        rescale_frame(format, bytes, rescale_of(frame_of(k), name_), slice(k));
      return;
    }
    const auto parsed = open_instance(series_, instance);
    const Pixels pixels(*parsed->getDataset(), name);
    for (const std::size_t k : slices)
      pixels.read_frame(frame_of(k).number, rescale_of(frame_of(k), name_), slice(k));
  }

 private:
  const Frame& frame_of(std::size_t k) const { return series_.frames[stack_.order[k]]; }
  std::span<float> slice(std::size_t k) {
    const std::size_t voxels = stack_.geometry.size[0] * stack_.geometry.size[1];
    return std::span(volume_.voxels).subspan(k * voxels, voxels);
  }

  const Series& series_;
  const SliceStack& stack_;
  Volume& volume_;
  std::string name_;
  std::vector<std::uint16_t> scratch_;
};

/// The kernel hands out memory 4 KiB at a time unless it is asked not to, which takes longer than decoding.
void ask_for_huge_pages(std::vector<float>& reserved) {
  constexpr std::size_t page = std::size_t{2} << 20;
  auto* start = static_cast<void*>(reserved.data());
  std::size_t bytes = reserved.capacity() * sizeof(float);
  if (std::align(page, page, start, bytes) != nullptr) madvise(start, bytes, MADV_HUGEPAGE);  // a hint
}

void decode_into(const Series& series, const SliceStack& stack, Volume& volume) {
  volume.voxels.reserve(stack.geometry.voxel_count());
  ask_for_huge_pages(volume.voxels);
  volume.voxels.resize(stack.geometry.voxel_count());
  std::vector<std::vector<std::size_t>> slices_of_file(series.instances.size());
  for (std::size_t k = 0; k < stack.order.size(); ++k)
    slices_of_file[series.frames[stack.order[k]].file].push_back(k);
  Decoder decoder(series, stack, volume);
  for (std::size_t i = 0; i < series.instances.size(); ++i)
    if (!slices_of_file[i].empty()) decoder.decode(i, slices_of_file[i]);
}

std::vector<SliceSource> sources_of(const Series& series, const SliceStack& stack) {
  std::vector<SliceSource> sources;
  for (const std::size_t index : stack.order) {
    const Frame& frame = series.frames[index];
    const InstanceFile& instance = series.instances[frame.file];
    sources.push_back(
        {instance.sop_class_uid, instance.sop_instance_uid, std::nullopt, frame.position, frame.title});
    if (instance.enhanced) sources.back().frame_number = frame.number;
  }
  return sources;
}

/// Worth telling, but no obstacle.
std::vector<std::string> warnings_of(const Series& series, const LoadedSeries& loaded) {
  std::vector<std::string> warnings;
  const auto inverted = std::count_if(series.frames.begin(), series.frames.end(),
                                      [](const Frame& frame) { return frame.inverted; });
  if (inverted > 0)
    warnings.push_back(std::to_string(inverted) + " of " + std::to_string(series.frames.size()) +
                       " images are stored inverted (MONOCHROME1): they were mirrored");
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
  const SliceStack stack = stack_or_throw(series.frames, name);
  const Frame& first = series.frames[stack.order.front()];

  LoadedSeries loaded;
  loaded.header = series.header;
  loaded.volume.geometry = stack.geometry;
  decode_into(series, stack, loaded.volume);
  loaded.slices = sources_of(series, stack);
  loaded.image_orientation = first.orientation;
  loaded.pixel_spacing = first.pixel_spacing;
  loaded.slice_thickness = first.thickness;
  loaded.first_file = series.instances[first.file].path;
  loaded.warnings = warnings_of(series, loaded);
  return loaded;
}

}  // namespace metserve::dicom
