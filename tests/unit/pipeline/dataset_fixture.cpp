#include "tests/unit/pipeline/dataset_fixture.h"

#include <cstdio>
#include <cstring>

#include <itkImage.h>
#include <itkImageFileWriter.h>
#include <itkPNGImageIO.h>
#include <torch/types.h>

#include "models/data/nifti.h"

namespace metserve::pipeline::test {

namespace fs = std::filesystem;

void write_png_slices(const torch::Tensor& voxels, const fs::path& folder) {
  using Image = itk::Image<unsigned char, 2>;
  fs::create_directories(folder);
  for (std::int64_t slice = 0; slice < voxels.size(0); ++slice) {
    const torch::Tensor pixels = voxels[slice].to(at::kByte).contiguous();
    const auto image = Image::New();
    image->SetRegions(Image::SizeType{static_cast<itk::SizeValueType>(pixels.size(1)),
                                      static_cast<itk::SizeValueType>(pixels.size(0))});
    image->Allocate();
    std::memcpy(image->GetBufferPointer(), pixels.data_ptr(), pixels.nbytes());
    std::array<char, 16> name{};
    std::snprintf(name.data(), name.size(), "%03d.png", static_cast<int>(slice));
    const auto writer = itk::ImageFileWriter<Image>::New();
    writer->SetImageIO(itk::PNGImageIO::New());
    writer->SetFileName((folder / name.data()).string());
    writer->SetInput(image);
    writer->Update();
  }
}

fs::path write_brainmetshare(const models::AnnotatedStudy& study, const fs::path& directory) {
  const fs::path folder = directory / study.name;
  for (const auto& [slot, image] : study.sequences)
    write_png_slices(image.voxels, folder / std::to_string(models::index(slot)));
  write_png_slices(study.truth.voxels.ne(0) * 255, folder / "seg");
  return folder;
}

fs::path write_brats(const models::AnnotatedStudy& study, const fs::path& directory) {
  const std::map<models::Slot, std::string> endings{
      {models::Slot::t1_gre_post, "t1c"}, {models::Slot::t1_se_pre, "t1n"}, {models::Slot::flair, "t2f"}};
  const fs::path folder = directory / study.name;
  fs::create_directories(folder);
  const auto file = [&](const std::string& ending) {
    return folder / (study.name + "-" + ending + ".nii.gz");
  };
  for (const auto& [slot, image] : study.sequences) models::write_nifti(image, file(endings.at(slot)));
  models::write_nifti(study.truth, file("seg"));
  return folder;
}

}  // namespace metserve::pipeline::test
