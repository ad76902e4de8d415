#pragma once

#include <torch/types.h>

namespace metserve::models {

/// Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), the papers' only
/// intensity normalisation. The values belong to a trained network and are stored in its manifest.
struct ClaheOptions {
  int tiles = 8;            ///< tiles along each in-plane axis, 1..32
  int bins = 256;           ///< histogram bins, 16..4096
  double clip_limit = 2.0;  ///< multiple of the mean bin count above which a bin is clipped, >= 1
  bool operator==(const ClaheOptions&) const = default;
};

/// True inside the head (skin and all that it encloses), false in the air around it.
/// `volume`: [D, H, W] float32, any intensity unit, axial slices. Returns [D, H, W] bool on the same device.
torch::Tensor head_mask(const torch::Tensor& volume);

/// `slices`: [N, H, W] float32 in [0, 1]. Returns the same shape in [0, 1]. Pure tensor code, so it runs on
/// any device in one batch and gives the same bytes in training and serving.
torch::Tensor clahe(const torch::Tensor& slices, const ClaheOptions& options);

/// One sequence of one study, ready for the network: robust scaling to [0, 1] within the head, CLAHE per
/// axial slice, zero outside the head. `volume`: [D, 256, 256] float32 on the network grid, any intensity
/// unit. Returns [D, 256, 256] float32 in [0, 1].
torch::Tensor preprocess_sequence(const torch::Tensor& volume, const ClaheOptions& options);

}  // namespace metserve::models
