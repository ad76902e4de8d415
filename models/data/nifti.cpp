#include "models/data/nifti.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <itkImage.h>
#include <itkImageFileReader.h>
#include <itkImageFileWriter.h>
#include <itkImportImageFilter.h>
#include <itkNiftiImageIO.h>
#include <nifti1_io.h>
#include <torch/types.h>
#include <zlib.h>

#include "models/data/file_error.h"

namespace metserve::models {
namespace {

constexpr std::uintmax_t max_voxels = std::uintmax_t{1024} * 1024 * 512;
constexpr float max_position = 1e9F;  ///< in whatever unit

using Volume = itk::Image<float, 3>;

/// [4, 4] float64, (column, row, slice, 1) to LPS mm.
torch::Tensor index_to_lps_mm(const Volume& volume) {
  torch::Tensor matrix = torch::eye(4, torch::kFloat64);
  for (unsigned lps = 0; lps < 3; ++lps) {
    for (unsigned axis = 0; axis < 3; ++axis)
      matrix[lps][axis] = volume.GetDirection()(lps, axis) * volume.GetSpacing()[axis];
    matrix[lps][3] = volume.GetOrigin()[lps];
  }
  return matrix;
}

/// The bytes that the file holds, unpacked where it is compressed; it is read on to its end for as long as
/// that is not beyond `enough`.
std::uintmax_t unpacked_bytes(const std::filesystem::path& file, std::uintmax_t enough) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> stream(gzopen(file.c_str(), "rb"), gzclose);
  if (!stream) fail(Error::Kind::io, file, "cannot be opened");
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uintmax_t bytes = 0;
  int count = 1;
  while (count > 0 && bytes <= enough) {
    count = gzread(stream.get(), buffer.data(), static_cast<unsigned>(buffer.size()));
    bytes += static_cast<std::uintmax_t>(std::max(count, 0));
  }
  int status = Z_OK;
  gzerror(stream.get(), &status);
  if (status != Z_OK) fail(Error::Kind::io, file, "is cut off or damaged: copy it again");
  return bytes;
}

/// What ITK does not see to: a position that is no number ends the process there, in a singular value
/// decomposition; memory is allocated for whatever is claimed; and voxels that the file does not have are
/// zero.
void check_header(const std::filesystem::path& file) {
  const std::unique_ptr<nifti_image, decltype(&nifti_image_free)> header(nifti_image_read(file.c_str(), 0),
                                                                         nifti_image_free);
  if (!header) return;  // ITK says why
  for (const mat44& matrix : {header->sto_xyz, header->qto_xyz})
    for (const auto& row : matrix.m)
      for (const float value : row)
        if (!(std::abs(value) < max_position))
          fail(Error::Kind::bad_input, file, "has positions that are no numbers, or out of all range");
  if (header->nvox > max_voxels)
    fail(Error::Kind::bad_input, file, "claims more voxels than 1024 x 1024 x 512");
  const std::uintmax_t needed = static_cast<std::uintmax_t>(std::max(header->iname_offset, 0)) +
                                header->nvox * static_cast<std::uintmax_t>(header->nbyper);
  if (const auto bytes = unpacked_bytes(file, needed); bytes < needed)
    fail(Error::Kind::io, file,
         "is cut off: " + std::to_string(bytes) + " of " + std::to_string(needed) + " bytes; copy it again");
}

}  // namespace

SpatialImage read_nifti(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) fail(Error::Kind::io, file, "there is no such file");
  check_header(file);
  const auto reader = itk::ImageFileReader<Volume>::New();
  const auto io = itk::NiftiImageIO::New();
  reader->SetImageIO(io);
  reader->SetFileName(file.string());
  try {
    reader->UpdateOutputInformation();
    if (io->GetNumberOfDimensions() != 3)
      fail(Error::Kind::bad_input, file, "is not one three-dimensional volume");
    reader->Update();
  } catch (const itk::ExceptionObject& error) {
    fail(Error::Kind::io, file, std::string("cannot be read as NIfTI: ") + error.GetDescription());
  }
  const Volume& volume = *reader->GetOutput();
  const auto size = volume.GetLargestPossibleRegion().GetSize();
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(size[2]),
                                        static_cast<std::int64_t>(size[1]),
                                        static_cast<std::int64_t>(size[0])};
  SpatialImage image{torch::empty(shape, torch::kFloat32), index_to_lps_mm(volume)};
  std::memcpy(image.voxels.data_ptr(), volume.GetBufferPointer(), image.voxels.nbytes());
  image.voxels.masked_fill_(image.voxels.isnan(), 0);  // SPM writes them where there is nothing
  return image;
}

SpatialImage read_nifti_labels(const std::filesystem::path& file) {
  SpatialImage labels = read_nifti(file);
  const torch::Tensor whole = labels.voxels.to(torch::kInt16);
  if (!labels.voxels.equal(whole.to(torch::kFloat32)))
    fail(Error::Kind::bad_input, file, "has voxels that are no labels: whole numbers are needed");
  labels.voxels = whole;
  return labels;
}

bool same_grid(const SpatialImage& a, const SpatialImage& b) {
  constexpr double same_mm = 0.1;
  if (a.voxels.sizes() != b.voxels.sizes()) return false;
  const double last[3] = {double(a.voxels.size(2) - 1), double(a.voxels.size(1) - 1),
                          double(a.voxels.size(0) - 1)};
  for (int corner = 0; corner < 8; ++corner) {
    const torch::Tensor index = torch::tensor(
        {corner & 1 ? last[0] : 0, corner & 2 ? last[1] : 0, corner & 4 ? last[2] : 0, 1.0}, torch::kFloat64);
    if ((a.index_to_lps_mm - b.index_to_lps_mm).matmul(index).norm().item<double>() > same_mm) return false;
  }
  return true;
}

void write_nifti(const SpatialImage& image, const std::filesystem::path& file) {
  torch::Tensor voxels = image.voxels.detach().cpu();
  if (voxels.is_floating_point()) voxels = voxels.round();
  voxels = voxels.to(torch::kInt16).contiguous();
  using Import = itk::ImportImageFilter<std::int16_t, 3>;
  const auto import = Import::New();
  Import::SizeType size;
  Import::SpacingType spacing;
  Import::OriginType origin;
  Import::DirectionType direction;
  const torch::Tensor matrix = image.index_to_lps_mm.to(torch::kCPU, torch::kFloat64).contiguous();
  const auto value = matrix.accessor<double, 2>();
  for (unsigned axis = 0; axis < 3; ++axis) {
    size[axis] = static_cast<itk::SizeValueType>(voxels.size(2 - static_cast<std::int64_t>(axis)));
    spacing[axis] = std::hypot(value[0][axis], value[1][axis], value[2][axis]);
    origin[axis] = value[axis][3];
    for (unsigned lps = 0; lps < 3; ++lps) direction(lps, axis) = value[lps][axis] / spacing[axis];
  }
  Import::IndexType start;
  start.Fill(0);
  import->SetRegion({start, size});
  import->SetSpacing(spacing);
  import->SetOrigin(origin);
  import->SetDirection(direction);
  import->SetImportPointer(voxels.data_ptr<std::int16_t>(), static_cast<itk::SizeValueType>(voxels.numel()),
                           false);
  const auto writer = itk::ImageFileWriter<itk::Image<std::int16_t, 3>>::New();
  writer->SetImageIO(itk::NiftiImageIO::New());
  writer->SetInput(import->GetOutput());
  writer->SetFileName(file.string());
  writer->SetUseCompression(true);
  try {
    writer->Update();
  } catch (const itk::ExceptionObject& error) {
    fail(Error::Kind::io, file, std::string("cannot be written: ") + error.GetDescription());
  }
}

}  // namespace metserve::models
