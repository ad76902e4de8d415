#include "tests/bench/elastix.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace metserve::bench {

namespace {

constexpr const char* parameters = R"((FixedImageDimension 3)
(MovingImageDimension 3)
(FixedInternalImagePixelType "float")
(MovingInternalImagePixelType "float")
(UseDirectionCosines "true")
(Registration "MultiResolutionRegistration")
(FixedImagePyramid "FixedRecursiveImagePyramid")
(MovingImagePyramid "MovingRecursiveImagePyramid")
(Metric "AdvancedMattesMutualInformation")
(NumberOfHistogramBins 32)
(Interpolator "LinearInterpolator")
(ImageSampler "Random")
(NumberOfSpatialSamples 2048)
(NewSamplesEveryIteration "true")
(Optimizer "AdaptiveStochasticGradientDescent")
(MaximumNumberOfIterations 250)
(NumberOfResolutions 4)
(Transform "EulerTransform")
(HowToCombineTransforms "Compose")
(AutomaticScalesEstimation "true")
(AutomaticTransformInitialization "false")
(ResampleInterpolator "FinalBSplineInterpolator")
(Resampler "DefaultResampler")
(WriteResultImage "false")
(RandomSeed 1)
)";

/// MetaImage; its TransformMatrix lists the axes one after the other.
void write_mha(const dicom::Volume& volume, const std::filesystem::path& file) {
  std::ofstream out(file, std::ios::binary);
  out.precision(12);
  const auto line = [&out](const char* key, const auto& values) {
    out << key << " =";
    for (const auto value : values) out << ' ' << value;
    out << '\n';
  };
  const dicom::VolumeGeometry& g = volume.geometry;
  out << "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
      << "CompressedData = False\n";
  std::vector<double> axes;
  for (const dicom::Vec3& axis : g.axes_lps) axes.insert(axes.end(), axis.begin(), axis.end());
  line("TransformMatrix", axes);
  line("Offset", g.origin_lps_mm);
  line("ElementSpacing", g.spacing_mm);
  line("DimSize", g.size);
  out << "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n";
  out.write(reinterpret_cast<const char*>(volume.voxels.data()),
            static_cast<std::streamsize>(volume.voxels.size() * sizeof(float)));
  if (!out) throw std::runtime_error(file.string() + ": cannot be written");
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// From "Reading images took 133 ms.".
double reading_s(const std::string& log) {
  const std::string key = "Reading images took ";
  const std::size_t at = log.find(key);
  if (at == std::string::npos) throw std::runtime_error("elastix's log does not say how long it read");
  return std::stod(log.substr(at + key.size(), 20)) / 1000;
}

/// The numbers of one "(Key 1 2 3)" line.
std::vector<double> values_of(const std::string& text, const std::string& key) {
  const std::size_t at = text.find("(" + key + " ");
  if (at == std::string::npos) throw std::runtime_error("elastix wrote no " + key);
  std::istringstream in(text.substr(at + key.size() + 2));
  std::vector<double> values;
  for (double value; in >> value;) values.push_back(value);
  return values;
}

/// Turns about z, x and y in this order, written Rz Rx Ry, about a centre, then a shift.
pipeline::RigidTransform from_euler(const std::vector<double>& p, const std::vector<double>& centre) {
  const double cx = std::cos(p[0]), sx = std::sin(p[0]), cy = std::cos(p[1]), sy = std::sin(p[1]),
               cz = std::cos(p[2]), sz = std::sin(p[2]);
  pipeline::RigidTransform result;
  result.rotation = {cz * cy - sz * sx * sy,
                     -sz * cx,
                     cz * sy + sz * sx * cy,
                     sz * cy + cz * sx * sy,
                     cz * cx,
                     sz * sy - cz * sx * cy,
                     -cx * sy,
                     sx,
                     cx * cy};
  const dicom::Vec3 turned = result.apply({centre[0], centre[1], centre[2]});
  for (std::size_t c = 0; c < 3; ++c) result.translation_mm[c] = centre[c] + p[3 + c] - turned[c];
  return result;
}

double children_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

bool has_elastix() {
  return std::system("elastix --version >/dev/null 2>&1") == 0;
}

ElastixResult run_elastix(const dicom::Volume& fixed, const dicom::Volume& moving,
                          const std::filesystem::path& folder) {
  write_mha(fixed, folder / "fixed.mha");
  write_mha(moving, folder / "moving.mha");
  std::ofstream(folder / "parameters.txt") << parameters;
  const std::string at = "'" + folder.string() + "/";
  const std::string command = "elastix -f " + at + "fixed.mha' -m " + at + "moving.mha' -p " + at +
                              "parameters.txt' -out '" + folder.string() + "' -threads 1 >/dev/null 2>&1";
  const double before = children_cpu_s();
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("elastix failed: see " + (folder / "elastix.log").string());
  ElastixResult result;
  result.cpu_s = children_cpu_s() - before;
  result.reading_s = reading_s(text_of(folder / "elastix.log"));
  const std::string text = text_of(folder / "TransformParameters.0.txt");
  if (text.find("(ComputeZYX \"true\")") != std::string::npos)
    throw std::runtime_error("elastix wrote its turns in another order than asked for");
  result.fixed_to_moving =
      from_euler(values_of(text, "TransformParameters"), values_of(text, "CenterOfRotationPoint"));
  return result;
}

}  // namespace metserve::bench
