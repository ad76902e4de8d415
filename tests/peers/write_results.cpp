// Writes the results of a study as `metserve segment` does, with drawn lesions instead of a network's: for
// the tests that let other programs read them.
//
// usage: write_results REFERENCE_DIR OUT_DIR [--series UID] [--lesions N] [--seed N] [--supersedes DIR]
//        [--previous SEG] [--mask FILE] [--key-images] [--probabilities] [--all-frames]
//        [--axial]
// REFERENCE_DIR holds the series UID, or one series only. OUT_DIR receives what encode_result writes, and
// labels.raw: the label map, 16-bit little endian, [slices, rows, columns] in the order of the slices along
// their normal. With --mask the components of that file are the lesions: a byte a voxel, in the same order.
// With --probabilities also probability.raw: what was drawn, 255 for 1, a byte a voxel.
// Exit status 3: the series is no regular volume (one line on standard error says why); 4: it is
// too small for so many lesions.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "dicom/error.h"
#include "dicom/runtime.h"
#include "pipeline/segment_study.h"

using namespace metserve;

namespace {

struct Arguments {
  std::string reference, output, series;
  std::size_t lesions = 3;
  unsigned seed = 1;
  std::string supersedes, previous, mask;
  bool key_images = false, probabilities = false, all_frames = false, axial = false;
};

struct NoRoom : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Splits the volume into at least `count` boxes, as cubic in mm as they can be: number of boxes along each
/// axis.
std::array<std::size_t, 3> boxes(const dicom::VolumeGeometry& geometry, std::size_t count) {
  std::array<std::size_t, 3> along{1, 1, 1};
  while (along[0] * along[1] * along[2] < count) {
    std::size_t longest = 0;
    double longest_mm = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto voxels = static_cast<double>(geometry.size[axis] / along[axis]);
      if (voxels >= 4 && voxels * geometry.spacing_mm[axis] > longest_mm) {
        longest = axis;
        longest_mm = voxels * geometry.spacing_mm[axis];
      }
    }
    if (longest_mm == 0) throw NoRoom("the volume has no room for so many lesions");
    ++along[longest];
  }
  return along;
}

/// One ellipsoid a box, apart from its neighbours; every fourth hollow, every fifth a lone voxel.
dicom::Volume draw(const dicom::VolumeGeometry& geometry, std::size_t count, unsigned seed) {
  dicom::Volume probability{geometry, std::vector<float>(geometry.voxel_count(), 0.05F)};
  const auto along = boxes(geometry, std::max<std::size_t>(count, 1));
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> share(0.5, 1.0), level(0.6, 0.95);
  for (std::size_t n = 0; n < count; ++n) {
    const std::array<std::size_t, 3> box{n % along[0], n / along[0] % along[1], n / along[0] / along[1]};
    std::array<std::size_t, 3> low{}, high{};
    dicom::Vec3 centre{}, radius{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      low[axis] = box[axis] * geometry.size[axis] / along[axis];
      high[axis] =
          std::max((box[axis] + 1) * geometry.size[axis] / along[axis] - 1, low[axis] + 1);  // exclusive
      centre[axis] = std::floor(0.5 * static_cast<double>(low[axis] + high[axis] - 1));
      const double widest =
          std::min(0.5 * static_cast<double>(high[axis] - low[axis]), 12 / geometry.spacing_mm[axis]);
      radius[axis] = n % 5 == 4 ? 0.5 : share(random) * widest;
    }
    const auto value = static_cast<float>(level(random));
    const bool hollow = n % 4 == 3 && *std::min_element(radius.begin(), radius.end()) > 3;
    for (std::size_t k = low[2]; k < high[2]; ++k)
      for (std::size_t j = low[1]; j < high[1]; ++j)
        for (std::size_t i = low[0]; i < high[0]; ++i) {
          const std::array<std::size_t, 3> at{i, j, k};
          double distance = 0;
          bool middle = true;
          for (std::size_t axis = 0; axis < 3; ++axis) {
            const double offset = static_cast<double>(at[axis]) - centre[axis];
            distance += offset * offset / (radius[axis] * radius[axis]);
            middle = middle && offset == 0;
          }
          if (hollow ? distance <= 1 && distance > 0.15 : distance <= 1 || middle)
            probability.voxels[(k * geometry.size[1] + j) * geometry.size[0] + i] = value;
        }
  }
  return probability;
}

/// The mask in `file` (a byte a voxel, in the order of labels.raw) as a probability.
dicom::Volume read_mask(const dicom::VolumeGeometry& geometry, const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), {});
  if (bytes.size() != geometry.voxel_count()) throw std::runtime_error(file + " does not fit the series");
  dicom::Volume probability{geometry, std::vector<float>(bytes.size())};
  std::transform(bytes.begin(), bytes.end(), probability.voxels.begin(),
                 [](char byte) { return byte != 0 ? 0.9F : 0.1F; });
  return probability;
}

dicom::LoadedSeries load(const Arguments& arguments) {
  const dicom::Study study = dicom::scan_study(dicom::list_files(arguments.reference));
  for (const dicom::Series& series : study.series)
    if (arguments.series.empty() || series.header.series_instance_uid == arguments.series)
      return dicom::load_series(series);
  throw std::runtime_error("no series " + arguments.series + " below " + arguments.reference);
}

pipeline::StudyResult make_result(dicom::LoadedSeries reference, const Arguments& arguments) {
  pipeline::StudyResult result;
  const dicom::VolumeGeometry& geometry = reference.volume.geometry;
  const bool drawn = arguments.mask.empty();
  const dicom::Volume probability =
      drawn ? draw(geometry, arguments.lesions, arguments.seed) : read_mask(geometry, arguments.mask);
  result.lesions = pipeline::find_lesions(probability, {0.5, 0});
  take_probabilities(result.lesions, probability.voxels);
  if (arguments.probabilities)
    for (const float value : probability.voxels)
      result.probability.push_back(static_cast<std::uint8_t>(std::lround(255 * value)));
  if (drawn && result.lesions.lesions.size() != arguments.lesions)
    throw std::runtime_error(std::to_string(result.lesions.lesions.size()) +
                             " lesions were drawn instead of " + std::to_string(arguments.lesions));
  result.reference = std::move(reference);
  result.subset.set(models::index(models::Slot::t1_gre_post));
  result.subset.set(models::index(models::Slot::flair));
  pipeline::Registration flair;
  flair.fixed_to_moving.translation_mm = {1.5, -0.5, 2};
  result.registrations = {{models::Slot::t1_gre_post, {}}, {models::Slot::flair, flair}};
  result.sequences_used = {"BRAVO: series 8 'AX BRAVO +C', reference",
                           "FLAIR: series 5 'T\xC3\xAAte FLAIR', registered: 0.0 degrees, 2.5 mm"};
  result.sequences_left_out = {"CUBE pre: not in the study", "CUBE post: not in the study"};
  result.series_used = {result.reference.header.series_instance_uid};
  result.warnings = {"lesions are drawn"};
  result.rule.threshold = 0.5;
  result.model.name = "drawn";
  result.model.version = "1";
  // What was drawn stands for what a model with these weights finds.
  const std::string picture = std::to_string(arguments.seed) + "e" + std::to_string(arguments.lesions);
  result.model.weights_sha256 = std::string(64 - picture.size(), 'd') + picture;
  return result;
}

template <class Value>
void write_raw(const std::vector<Value>& values, const std::filesystem::path& file) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(Value)));
}

void run(const Arguments& arguments) {
  pipeline::StudyResult result = make_result(load(arguments), arguments);
  pipeline::EncodeOptions options;
  options.clock = std::chrono::system_clock::now;
  options.superseded = options.named_like = arguments.supersedes;
  options.key_images = arguments.key_images;
  options.all_frames = arguments.all_frames;
  options.axial = arguments.axial;
  if (!arguments.previous.empty())
    pipeline::compare_with_earlier(result, {arguments.previous, dicom::list_files(arguments.reference)}, {});
  pipeline::encode_result(result, options, arguments.output);
  write_raw(result.lesions.labels, std::filesystem::path(arguments.output) / "labels.raw");
  if (arguments.probabilities)
    write_raw(result.probability, std::filesystem::path(arguments.output) / "probability.raw");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App program("Writes results with drawn lesions");
  program.add_option("REFERENCE_DIR", arguments.reference)->required();
  program.add_option("OUT_DIR", arguments.output)->required();
  program.add_option("--series", arguments.series);
  program.add_option("--lesions", arguments.lesions);
  program.add_option("--seed", arguments.seed);
  program.add_option("--supersedes", arguments.supersedes);
  program.add_option("--previous", arguments.previous);
  program.add_option("--mask", arguments.mask);
  program.add_flag("--key-images", arguments.key_images);
  program.add_flag("--probabilities", arguments.probabilities);
  program.add_flag("--all-frames", arguments.all_frames);
  program.add_flag("--axial", arguments.axial);
  CLI11_PARSE(program, argc, argv);
  const dicom::Runtime runtime;
  try {
    run(arguments);
  } catch (const dicom::Error& e) {
    std::fprintf(stderr, "write_results: %s\n", e.what());
    return 3;
  } catch (const NoRoom& e) {
    std::fprintf(stderr, "write_results: %s\n", e.what());
    return 4;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "write_results: %s\n", e.what());
    return 1;
  }
}
