#include "pipeline/registration_trilinear.h"

#include <random>

#include <itkLinearInterpolateImageFunction.h>

#include "tests/catch.h"

using namespace metserve::pipeline;

namespace {

using Image = itk::Image<float, 3>;

/// Random voxels on an oblique grid with three different spacings.
Image::Pointer oblique_image() {
  auto image = Image::New();
  image->SetRegions(Image::SizeType{7, 5, 6});
  image->Allocate();
  std::mt19937 random(11);
  for (std::size_t v = 0; v < 7 * 5 * 6; ++v)
    image->GetBufferPointer()[v] = static_cast<float>(random() % 1000);
  const double spacing[3] = {0.9, 1.5, 3};
  const double origin[3] = {-20, 4, 7};
  Image::DirectionType direction;
  direction.SetIdentity();
  direction[0][0] = direction[1][1] = 0.8;
  direction[1][0] = 0.6;
  direction[0][1] = -0.6;
  image->SetSpacing(spacing);
  image->SetOrigin(origin);
  image->SetDirection(direction);
  return image;
}

}  // namespace

TEST_CASE("Trilinear values are those of ITK", "[registration]") {
  const auto image = oblique_image();
  const auto ours = TrilinearValue::New();
  const auto theirs = itk::LinearInterpolateImageFunction<Image, float>::New();
  ours->SetInputImage(image);
  theirs->SetInputImage(image);
  std::mt19937 random(5);
  for (int n = 0; n < 2000; ++n) {
    TrilinearValue::ContinuousIndexType index;
    for (unsigned axis = 0; axis < 3; ++axis)  // from the outer face of the first voxel to that of the last
      index[axis] = static_cast<float>(random() % 10000) / 10000 *
                        static_cast<float>(image->GetBufferedRegion().GetSize()[axis]) -
                    0.5F;
    CAPTURE(index);
    CHECK(ours->EvaluateAtContinuousIndex(index) ==
          Approx(theirs->EvaluateAtContinuousIndex(index)).epsilon(1e-4).margin(1e-2));
  }
}

TEST_CASE("The gradient is what the interpolated value changes by per millimetre", "[registration]") {
  const auto image = oblique_image();
  const auto value = TrilinearValue::New();
  const auto gradient = TrilinearGradient::New();
  value->SetInputImage(image);
  gradient->SetInputImage(image);
  std::mt19937 random(6);
  for (int n = 0; n < 500; ++n) {
    TrilinearValue::ContinuousIndexType index;  // within a cell, away from its faces
    for (unsigned axis = 0; axis < 3; ++axis)
      index[axis] = static_cast<float>(random() % (image->GetBufferedRegion().GetSize()[axis] - 1)) + 0.1F +
                    0.8F * static_cast<float>(random() % 1000) / 1000;
    TrilinearValue::PointType point;
    image->TransformContinuousIndexToPhysicalPoint(index, point);
    const auto found = gradient->Evaluate(point);
    for (unsigned axis = 0; axis < 3; ++axis) {
      auto before = point, after = point;
      before[axis] -= 0.02F;
      after[axis] += 0.02F;
      CAPTURE(index, axis);
      CHECK(found[axis] == Approx((value->Evaluate(after) - value->Evaluate(before)) / 0.04).margin(1.5));
    }
  }
}

TEST_CASE("Outside the image there is no gradient", "[registration]") {
  const auto gradient = TrilinearGradient::New();
  gradient->SetInputImage(oblique_image());
  TrilinearValue::ContinuousIndexType index;
  index[0] = index[1] = 2;
  index[2] = 5.6F;
  CHECK(gradient->EvaluateAtContinuousIndex(index).GetNorm() == 0);
}
