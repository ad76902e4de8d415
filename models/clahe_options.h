#pragma once

namespace metserve::models {

/// Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), the papers' only
/// intensity normalisation. The values belong to a trained network and are stored in its manifest.
struct ClaheOptions {
  int tiles = 8;            ///< tiles along each in-plane axis, 1..32
  int bins = 256;           ///< histogram bins, 16..4096
  double clip_limit = 2.0;  ///< multiple of the mean bin count above which a bin is clipped, >= 1
  bool operator==(const ClaheOptions&) const = default;
};

}  // namespace metserve::models
