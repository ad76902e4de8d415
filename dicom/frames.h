#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcitem.h>

#include "dicom/dataset.h"
#include "dicom/frame.h"
#include "dicom/part10.h"
#include "dicom/pixel_format.h"

namespace metserve::dicom {

/// The attributes of one frame: of a classic image the dataset's own; of a multi-frame image with functional
/// groups (PS3.3 C.7.6.16) the frame's groups first, then the shared ones, then the dataset. Borrows the
/// dataset, or the values of a ClassicImage.
class FrameAttributes {
 public:
  explicit FrameAttributes(DcmItem& dataset, DcmItem* shared = nullptr, DcmItem* per_frame = nullptr)
      : dataset_(&dataset), shared_(shared), per_frame_(per_frame) {}
  explicit FrameAttributes(const ScannedValues& classic) : classic_(&classic) {}

  /// As sent, without padding; empty when absent.
  std::string text(const DcmTagKey& tag) const;
  /// Likewise, but of the dataset itself, whatever the functional groups hold.
  std::string own_text(const DcmTagKey& tag) const;
  /// The first of `tags` that has a value.
  std::string first_text(std::initializer_list<DcmTagKey> tags) const;
  /// First component.
  std::optional<double> number(const DcmTagKey& tag) const;
  std::optional<double> first_number(std::initializer_list<DcmTagKey> tags) const;
  DcmItem& dataset() const { return *dataset_; }            ///< there is none of a ClassicImage
  DcmItem* per_frame_groups() const { return per_frame_; }  ///< null for a classic image

 private:
  DcmItem* dataset_ = nullptr;
  DcmItem* shared_ = nullptr;
  DcmItem* per_frame_ = nullptr;
  const ScannedValues* classic_ = nullptr;
};

bool has_functional_groups(DcmItem& dataset);

/// One entry a frame, in frame order. Throws Error(bad_input), its text starting with `file_name`, when the
/// functional groups do not fit the number of frames.
std::vector<FrameAttributes> frame_attributes(DcmItem& dataset, const std::string& file_name);

/// Reads a frame's place; `number` is 1-based.
Frame read_frame(const FrameAttributes& attributes, std::uint32_t number, bool multi_frame);

/// How the stored values lie, unchecked.
PixelFormat read_pixel_format(const FrameAttributes& attributes);

/// What tells the parts of a mixed acquisition apart. Equal keys: one part.
struct PartKey {
  std::string text;  ///< frame type, complex component, stack, temporal position and contrast
  std::optional<double> echo_ms, inversion_ms;

  bool operator==(const PartKey&) const = default;
  bool operator<(const PartKey& other) const {
    return std::tie(text, echo_ms, inversion_ms) < std::tie(other.text, other.echo_ms, other.inversion_ms);
  }
};

PartKey part_key(const FrameAttributes& attributes);

/// The keys with times that are one but for jitter made equal, to the lowest of them: echoes less than 0.1 ms
/// from the next, inversions less than 1 ms or 0.5 %. In whatever order the keys come, each gets the same.
std::vector<PartKey> without_jitter(std::vector<PartKey> keys);

}  // namespace metserve::dicom
