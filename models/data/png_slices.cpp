#include "models/data/png_slices.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>

#include <itkImage.h>
#include <itkImageFileReader.h>
#include <itkPNGImageIO.h>
#include <png.h>

#include "models/data/file_error.h"
#include "models/directory.h"

namespace metserve::models {
namespace {

namespace fs = std::filesystem;

constexpr png_uint_32 largest_edge = 2048;  // pixels; more is no slice of a head

int number_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  int number = 0;
  const auto [end, failure] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  if (failure != std::errc() || end != stem.data() + stem.size() || number < 0)
    fail(Error::Kind::bad_input, file, "is not named by a slice number");
  return number;
}

std::map<int, fs::path> by_number(const fs::path& folder) {
  std::map<int, fs::path> slices;
  for (const fs::path& file : files_in(folder, {".png"}, "slice"))
    if (!slices.emplace(number_of(file), file).second)
      fail(Error::Kind::bad_input, file, "another slice has this number");
  const int first = slices.begin()->first;
  for (int number = first; number < first + static_cast<int>(slices.size()); ++number)
    if (slices.count(number) == 0)
      fail(Error::Kind::bad_input, folder, "slice " + std::to_string(number) + " is missing");
  return slices;
}

/// With libpng's own reader, which returns its errors: ITK 5.2's ends the process over a file that is cut
/// off.
void check_png(const fs::path& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto cannot_be_read = [&] {
    fail(Error::Kind::io, file, std::string("cannot be read as PNG: ") + image.message);
  };
  if (png_image_begin_read_from_file(&image, file.c_str()) == 0) cannot_be_read();
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(&image, png_image_free);
  if ((image.format & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)) != 0)
    fail(Error::Kind::bad_input, file, "is not a grey image");
  if (image.width > largest_edge || image.height > largest_edge)
    fail(Error::Kind::bad_input, file, "has more than 2048 rows or columns");
  image.format = PNG_FORMAT_GRAY;
  std::vector<png_byte> pixels(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) == 0) cannot_be_read();
}

/// [rows, columns] float32.
torch::Tensor read_png(const fs::path& file) {
  check_png(file);
  using Image = itk::Image<float, 2>;
  const auto reader = itk::ImageFileReader<Image>::New();
  reader->SetImageIO(itk::PNGImageIO::New());
  reader->SetFileName(file.string());
  try {
    reader->Update();
  } catch (const itk::ExceptionObject& error) {
    fail(Error::Kind::io, file, std::string("cannot be read as PNG: ") + error.GetDescription());
  }
  const auto size = reader->GetOutput()->GetLargestPossibleRegion().GetSize();
  torch::Tensor slice =
      torch::empty({static_cast<std::int64_t>(size[1]), static_cast<std::int64_t>(size[0])});
  std::memcpy(slice.data_ptr(), reader->GetOutput()->GetBufferPointer(), slice.nbytes());
  return slice;
}

}  // namespace

PngSlices read_png_slices(const fs::path& folder) {
  std::vector<torch::Tensor> slices;
  const std::map<int, fs::path> files = by_number(folder);
  for (const auto& [number, file] : files) {
    slices.push_back(read_png(file));
    if (slices.back().sizes() != slices.front().sizes())
      fail(Error::Kind::bad_input, file, "has another size than the slices before it");
  }
  return {torch::stack(slices), files.begin()->first};
}

}  // namespace metserve::models
