#pragma once

#include <cstddef>
#include <vector>

#include "dicom/volume.h"
#include "pipeline/head.h"

namespace metserve::pipeline {

struct SampleOptions {
  std::size_t count = 8000;  ///< points wanted, >= 1; fewer come when the region is small
  double margin_mm = 0;      ///< inside the head dilated by this much; negative: all over the volume
  double neck_cut_mm = 150;  ///< points further below the vertex are left out
};

/// Points (LPS mm) of the additive quasi-random sequence of Roberts (generalised golden ratio), which fills a
/// volume more evenly than random numbers and needs no seed. They come block by block of four voxels of
/// `coarse`, so that neighbours are near each other in the memory of any image, which halves the time of
/// going over them. `coarse`: the image that `head` was found in.
std::vector<dicom::Vec3> sample_points(const dicom::Volume& coarse, const Head& head,
                                       const SampleOptions& options);

}  // namespace metserve::pipeline
