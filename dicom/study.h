#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "dicom/frame.h"
#include "dicom/native_pixels.h"
#include "dicom/volume.h"

namespace metserve::dicom {

/// One SOP instance on disk.
struct InstanceFile {
  std::filesystem::path path;
  std::string sop_class_uid;
  std::string sop_instance_uid;
  bool enhanced = false;               ///< multi-frame with functional groups (Enhanced MR)
  std::optional<NativePixels> native;  ///< where pixel data can be read without parsing the file again
};

/// Whom an image says it is of, as sent; empty where it does not say. Never to be logged.
struct PatientIdentity {
  std::string id, issuer, birth_date;  ///< (0010,0020), (0010,0021), (0010,0030)

  bool operator==(const PatientIdentity&) const = default;
  bool operator<(const PatientIdentity& other) const {
    return std::tie(id, issuer, birth_date) < std::tie(other.id, other.issuer, other.birth_date);
  }
};

/// What the headers of a series say of it, text in UTF-8 as sent; absent or unreadable values are empty. For
/// enhanced objects the values come from the shared and the first per-frame functional groups.
struct SeriesHeader {
  std::string study_instance_uid, series_instance_uid, frame_of_reference_uid, modality;
  std::set<PatientIdentity> patients;  ///< of all instances: more than one is for a person to look at
  std::optional<int> series_number;
  std::string series_description, protocol_name, study_description, body_part, station_name;
  std::string manufacturer, model_name;
  std::optional<double> field_strength_t;
  std::vector<std::string> image_type;  ///< e.g. ORIGINAL, PRIMARY, M, NORM, DIS3D
  std::vector<std::string> scanning_sequence, sequence_variant, scan_options;  ///< classic attributes
  std::string sequence_name;  ///< (0018,0024), or the pulse sequence name (0018,9005)
  std::string ge_internal_sequence_name,
      ge_pulse_sequence_name;        ///< (0019,109C), (0019,109E) of GEMS_ACQU_01
  std::string acquisition_contrast;  ///< enhanced (0008,9209)
  std::string echo_pulse_sequence,
      inversion_recovery;        ///< enhanced (0018,9008) SPIN/GRADIENT/BOTH, (0018,9009) YES/NO
  std::string acquisition_type;  ///< 2D or 3D; enhanced: from volumetric properties and sequence
  std::optional<double> tr_ms, te_ms, ti_ms, flip_deg;
  std::optional<int> echo_train_length;
  std::string contrast_agent, contrast_route, contrast_volume;  ///< text as sent
  std::string contrast_administered,
      contrast_phase;                        ///< enhanced ContrastBolusAgentSequence / functional group
  std::optional<double> acquisition_time_s;  ///< seconds since midnight of the study's first day
  std::optional<double> contrast_start_time_s;
  std::string magnetization_transfer;  ///< enhanced (0018,9020): NONE, ON_RESONANCE, OFF_RESONANCE
  std::optional<double> slice_thickness_mm;
  std::optional<double> slice_spacing_mm;  ///< between slice centres, of a regular volume only
  std::optional<double> first_slice_mm;    ///< of a regular volume: slice 0 along the normal, LPS
  std::string plane;                       ///< AX, SAG, COR or OBL, from the orientation
  std::string geometry_problem;            ///< why the images are no regular volume; empty when they are
  int images = 0;                          ///< slices: instances, or frames of an enhanced object
  bool has_pixels = false;
};

/// One series, or one stack, echo or frame type of it where an acquisition mixes several.
struct Series {
  SeriesHeader header;
  std::vector<InstanceFile> instances;  ///< in no particular order
  std::vector<Frame> frames;            ///< the images of the series, in no particular order
};

struct UnreadableFile {
  std::filesystem::path path;
  std::string reason;
  bool image_lost = false;  ///< an image is missing for it: it begins as a DICOM file and is not there twice
};

struct Study {
  std::string study_instance_uid;
  std::vector<Series> series;
  std::vector<UnreadableFile> unreadable;  ///< files that are no DICOM or too damaged to use
};

/// Regular files below `directory`, sorted. Throws Error(io) when there are none.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& directory);

/// Reads headers only; calls `before_each` before each file, and lets through what that throws. Files that
/// cannot be read are listed, not thrown. Throws Error(bad_input) when the
/// files hold no DICOM at all or more than one study (naming two of them).
Study scan_study(const std::vector<std::filesystem::path>& files,
                 const std::function<void()>& before_each = {});

/// Where slice k of a loaded volume came from. DS strings are the source's own, to be copied, not recomputed.
struct SliceSource {
  std::string sop_class_uid;
  std::string sop_instance_uid;
  std::optional<std::uint32_t> frame_number;  ///< 1-based, enhanced sources only
  std::string image_position;                 ///< (0020,0032) as sent, backslash-separated
  std::string title{};                        ///< as viewers show it: "image 12" or "frame 3"
};

struct LoadedSeries {
  SeriesHeader header;
  Volume volume;
  std::vector<SliceSource> slices;   ///< slices[k] is the source of slice k
  std::string image_orientation;     ///< (0020,0037) as sent
  std::string pixel_spacing;         ///< (0028,0030) as sent
  std::string slice_thickness;       ///< (0018,0050) as sent, or empty
  std::filesystem::path first_file;  ///< patient and study modules are copied from here
  std::vector<std::string> warnings;
};

/// Decodes a series into one volume: slices ordered by position along the normal, never by instance number,
/// so that the axes are right-handed (i x j = k) in LPS mm (PS3.3 C.7.6.2). Throws Error(bad_input) for
/// duplicates, mixed orientations, uneven spacing or missing slices, Error(unsupported) for a transfer syntax
/// without decoder; the text names series and instance.
LoadedSeries load_series(const Series& series);

}  // namespace metserve::dicom
