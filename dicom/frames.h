#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcitem.h>

#include "dicom/dataset.h"

namespace metserve::dicom {

/// The attributes of one frame: of a classic image the dataset's own; of a multi-frame image with functional
/// groups (PS3.3 C.7.6.16) the frame's groups first, then the shared ones, then the dataset. Borrows the
/// dataset.
class FrameAttributes {
 public:
  explicit FrameAttributes(DcmItem& dataset, DcmItem* shared = nullptr, DcmItem* per_frame = nullptr)
      : dataset_(&dataset), shared_(shared), per_frame_(per_frame) {}

  /// As sent, without padding; empty when absent.
  std::string text(const DcmTagKey& tag) const;
  /// The first of `tags` that has a value.
  std::string first_text(std::initializer_list<DcmTagKey> tags) const;
  /// First component.
  std::optional<double> number(const DcmTagKey& tag) const;
  std::optional<double> first_number(std::initializer_list<DcmTagKey> tags) const;
  DcmItem& dataset() const { return *dataset_; }
  DcmItem* per_frame_groups() const { return per_frame_; }  ///< null for a classic image

 private:
  DcmItem* dataset_;
  DcmItem* shared_;
  DcmItem* per_frame_;
};

/// One frame, or a single-frame image, as far as its place in a volume goes.
struct Frame {
  std::string label;         ///< for messages, e.g. "instance 12 (1.2.3)" or "frame 3 of 1.2.3"
  std::size_t file = 0;      ///< index into the caller's list of files
  std::uint32_t number = 1;  ///< 1-based
  std::size_t rows = 0, columns = 0;
  std::string position, orientation, pixel_spacing, thickness;  ///< as sent
  std::optional<double> spacing_between_slices_mm;
  double slope = 1, intercept = 0;
};

bool has_functional_groups(DcmItem& dataset);

/// One entry a frame, in frame order. Throws Error(bad_input), its text starting with `file_name`, when the
/// functional groups do not fit the number of frames.
std::vector<FrameAttributes> frame_attributes(DcmItem& dataset, const std::string& file_name);

/// Reads a frame's place; `number` is 1-based.
Frame read_frame(const FrameAttributes& attributes, std::uint32_t number, bool multi_frame);

/// What tells the parts of a mixed acquisition apart: frame type, complex component, echo, inversion, stack,
/// temporal position and contrast. Equal text: one part.
std::string part_key(const FrameAttributes& attributes);

}  // namespace metserve::dicom
