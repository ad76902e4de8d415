#pragma once

// Reference series of any orientation, lesions drawn on them, and the readers that judge what is written.

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/results.h"
#include "tests/catch.h"
#include "tests/temporary_directory.h"

namespace metserve::dicom::testing {

using metserve::TemporaryDirectory;

enum class Plane { axial, sagittal, coronal, oblique };
inline constexpr std::array all_planes{Plane::axial, Plane::sagittal, Plane::coronal, Plane::oblique};

inline std::string name_of(Plane plane) {
  switch (plane) {
    case Plane::axial:
      return "axial";
    case Plane::sagittal:
      return "sagittal";
    case Plane::coronal:
      return "coronal";
    case Plane::oblique:
      break;
  }
  return "oblique";
}

struct ReferenceOptions {
  Plane plane = Plane::axial;
  std::array<std::size_t, 3> size{61, 47, 20};  ///< odd, so that frames do not end at byte boundaries
  Vec3 spacing_mm{0.9, 1.1, 1.3};
  std::string character_set = "ISO_IR 100";
  std::string patient_name = "M\xFCller^J\xF6rg";  ///< in `character_set`
  bool enhanced = false;                           ///< all slices are frames of one instance
};

/// A reference and how many lesions are drawn on it.
struct ReferenceCase {
  ReferenceOptions options;
  std::size_t lesions = 7;

  std::string name() const {
    return std::string(name_of(options.plane)) + ' ' + options.character_set + ", " +
           std::to_string(lesions) + " lesions" + (options.enhanced ? ", enhanced" : "");
  }
};

/// Every combination of character set, plane and kind of image once, with seven lesions; and the other counts
/// on the last plane.
inline std::vector<ReferenceCase> reference_cases(const std::vector<Plane>& planes,
                                                  const std::vector<std::size_t>& other_counts) {
  struct Text {
    const char *character_set, *patient_name;
  };
  std::vector<ReferenceCase> cases;
  for (const Text& text :
       {Text{"ISO_IR 100", "M\xFCller^J\xF6rg"}, Text{"ISO_IR 192", "M\xC3\xBCller^J\xC3\xB6rg"},
        Text{"", "Mueller^Joerg"}, Text{"\\ISO 2022 IR 87", "Yamada^Tarou=\x1B$B;3ED\x1B(B^"}})
    for (const Plane plane : planes)
      for (const bool enhanced : {false, true})
        cases.push_back({{.plane = plane,
                          .character_set = text.character_set,
                          .patient_name = text.patient_name,
                          .enhanced = enhanced}});
  for (const std::size_t count : other_counts)
    for (const bool enhanced : {false, true})
      cases.push_back({{.plane = planes.back(), .enhanced = enhanced}, count});
  return cases;
}

inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

inline std::array<Vec3, 3> axes_of(Plane plane) {
  Vec3 i{1, 0, 0}, j{0, 1, 0};
  if (plane == Plane::sagittal) i = {0, 1, 0}, j = {0, 0, -1};
  if (plane == Plane::coronal) j = {0, 0, -1};
  if (plane == Plane::oblique) {
    const double a = 0.35, b = -0.2;
    i = {std::cos(a), std::sin(a), 0};
    j = {-std::sin(a) * std::cos(b), std::cos(a) * std::cos(b), std::sin(b)};
  }
  return {i, j, cross(i, j)};
}

inline std::string ds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", std::abs(value) < 1e-12 ? 0.0 : value);
  return text;
}

inline std::string ds(const Vec3& v) {
  return ds(v[0]) + "\\" + ds(v[1]) + "\\" + ds(v[2]);
}

inline void set(DcmItem& item, const DcmTagKey& tag, const std::string& value) {
  REQUIRE(item.putAndInsertOFStringArray(tag, OFString(value.data(), value.size())).good());
}

inline void write_slice(const LoadedSeries& series, const ReferenceOptions& options, std::size_t slice,
                        const std::filesystem::path& file) {
  DcmFileFormat format;
  DcmItem& item = *format.getDataset();
  const VolumeGeometry& g = series.volume.geometry;
  set(item, DCM_SOPClassUID, series.slices[slice].sop_class_uid);
  set(item, DCM_SOPInstanceUID, series.slices[slice].sop_instance_uid);
  if (!options.character_set.empty()) set(item, DCM_SpecificCharacterSet, options.character_set);
  set(item, DCM_PatientName, options.patient_name);
  set(item, DCM_PatientID, "P-0042");
  set(item, DCM_PatientBirthDate, "19550308");
  set(item, DCM_PatientSex, "O");
  set(item, DCM_PatientAge, "071Y");
  set(item, DCM_StudyInstanceUID, series.header.study_instance_uid);
  set(item, DCM_SeriesInstanceUID, series.header.series_instance_uid);
  set(item, DCM_FrameOfReferenceUID, series.header.frame_of_reference_uid);
  set(item, DCM_StudyDate, "20260102");
  set(item, DCM_StudyTime, "101112");
  set(item, DCM_StudyID, "S1");
  set(item, DCM_AccessionNumber, "A1");
  set(item, DCM_Modality, "MR");
  set(item, DCM_InstitutionName, "A hospital");
  set(item, DCM_InstanceNumber, std::to_string(slice + 1));
  set(item, DCM_ImageOrientationPatient, series.image_orientation);
  set(item, DCM_ImagePositionPatient, series.slices[slice].image_position);
  set(item, DCM_PixelSpacing, series.pixel_spacing);
  set(item, DCM_SliceThickness, series.slice_thickness);
  item.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(g.size[1]));
  item.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(g.size[0]));
  REQUIRE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
}

/// Writes the headers of an MR series below `directory` (no pixels) and returns it as if it had been loaded.
inline LoadedSeries make_reference(const std::filesystem::path& directory, const ReferenceOptions& options) {
  LoadedSeries series;
  VolumeGeometry& g = series.volume.geometry;
  g.size = options.size;
  g.spacing_mm = options.spacing_mm;
  g.axes_lps = axes_of(options.plane);
  const Vec3 centre = g.lps_mm({(g.size[0] - 1) / 2.0, (g.size[1] - 1) / 2.0, (g.size[2] - 1) / 2.0});
  for (std::size_t c = 0; c < 3; ++c) g.origin_lps_mm[c] = -centre[c] + std::array{3.25, -17.5, 41.0}[c];
  series.volume.voxels.assign(g.voxel_count(), 0.0F);
  series.header.study_instance_uid = "1.2.826.0.1.3680043.10.999.1";
  series.header.series_instance_uid = "1.2.826.0.1.3680043.10.999.1.2";
  series.header.frame_of_reference_uid = "1.2.826.0.1.3680043.10.999.1.3";
  series.header.series_number = 8;
  series.image_orientation = ds(g.axes_lps[0]) + "\\" + ds(g.axes_lps[1]);
  series.pixel_spacing = ds(g.spacing_mm[1]) + "\\" + ds(g.spacing_mm[0]);
  series.slice_thickness = ds(g.spacing_mm[2]);
  std::filesystem::create_directories(directory);
  for (std::size_t k = 0; k < g.size[2]; ++k) {
    SliceSource source;
    source.sop_class_uid = options.enhanced ? UID_EnhancedMRImageStorage : UID_MRImageStorage;
    source.sop_instance_uid =
        series.header.series_instance_uid + "." + std::to_string(options.enhanced ? 1 : k + 1);
    if (options.enhanced) source.frame_number = static_cast<std::uint32_t>(g.size[2] - k);
    source.image_position = ds(g.lps_mm({0, 0, static_cast<double>(k)}));
    series.slices.push_back(source);
  }
  for (std::size_t k = 0; k < (options.enhanced ? 1 : g.size[2]); ++k)
    write_slice(series, options, k, directory / (std::to_string(k + 1) + ".dcm"));
  series.first_file = directory / "1.dcm";
  return series;
}

struct Sphere {
  Vec3 centre_lps_mm{};
  double radius_mm = 0;
};

/// Labels 1..N of the spheres on the grid: [slices, rows, columns].
inline std::vector<std::uint16_t> draw(const VolumeGeometry& g, const std::vector<Sphere>& spheres) {
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  for (std::size_t n = 0; n < spheres.size(); ++n)
    for (std::size_t v = 0; v < labels.size(); ++v) {
      const std::size_t i = v % g.size[0], j = v / g.size[0] % g.size[1], k = v / g.size[0] / g.size[1];
      const Vec3 p = g.lps_mm({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
      const Vec3& c = spheres[n].centre_lps_mm;
      if (std::hypot(p[0] - c[0], p[1] - c[1], p[2] - c[2]) <= spheres[n].radius_mm)
        labels[v] = static_cast<std::uint16_t>(n + 1);
    }
  return labels;
}

/// `count` small boxes on a raster over the whole volume, each 3 x 3 x 2 voxels.
inline std::vector<std::uint16_t> draw_boxes(const VolumeGeometry& g, std::size_t count) {
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  const std::size_t per_row = g.size[0] / 5, per_slice = per_row * (g.size[1] / 5);
  REQUIRE(count <= per_slice * (g.size[2] / 3));
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t v = 0; v < 18; ++v) {
      const std::size_t i = n % per_row * 5 + 1 + v % 3, j = n % per_slice / per_row * 5 + 1 + v / 3 % 3;
      const std::size_t k = n / per_slice * 3 + v / 9;
      labels[(k * g.size[1] + j) * g.size[0] + i] = static_cast<std::uint16_t>(n + 1);
    }
  return labels;
}

inline std::vector<LesionDescription> describe(std::size_t count) {
  std::vector<LesionDescription> lesions(count);
  for (std::size_t n = 0; n < count; ++n) {
    lesions[n].number = static_cast<int>(n + 1);
    lesions[n].volume_mm3 = 100.25 / static_cast<double>(n + 1);
    lesions[n].longest_diameter_mm = 6.5;
    lesions[n].mean_probability = 0.875;
  }
  return lesions;
}

/// A context over `reference` with everything filled in and a clock that stands still.
inline ResultContext make_context(const LoadedSeries& reference,
                                  const std::vector<LesionDescription>& lesions, const UidSource& uids) {
  return ResultContext{
      .reference = reference,
      .lesions = lesions,
      .algorithm = {"metserve-input-dropout", "1.0",
                    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "0.1.0"},
      .sequences_used = {"BRAVO: series 8 'AX BRAVO +C'", "FLAIR: series 5 'T\xC3\xAAte FLAIR'"},
      .sequences_left_out = {"CUBE pre: registration not accepted, 14 degrees"},
      .warnings = {"slice thickness is 5 mm"},
      .uids = uids,
      .clock = [] { return std::chrono::system_clock::from_time_t(1767351600); },
      .images_used = instances_of(reference),
  };
}

inline bool program_exists(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

/// Lines of a command's standard output and error together.
inline std::vector<std::string> output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
  REQUIRE(pipe);
  std::vector<std::string> lines(1);
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += static_cast<char>(c);
  }
  return lines;
}

/// Judged by dicom3tools' validator, where it is installed.
inline void require_valid_object(const std::filesystem::path& file) {
  if (!program_exists("dciodvfy")) {
    WARN("skipped: dciodvfy (package dicom3tools) is not installed");
    return;
  }
  std::string errors;
  for (const std::string& line : output_of("dciodvfy " + file.string()))
    if (line.rfind("Error", 0) == 0) errors += line + "\n";
  INFO(file << '\n' << errors);
  REQUIRE(errors.empty());
}

inline std::unique_ptr<DcmFileFormat> read(const std::filesystem::path& file) {
  auto format = std::make_unique<DcmFileFormat>();
  REQUIRE(format->loadFile(file.c_str()).good());
  return format;
}

/// Item `index` of a sequence; the test fails when it is not there.
inline DcmItem& item_of(DcmItem& parent, const DcmTagKey& sequence, long index = 0) {
  DcmItem* item = nullptr;
  INFO(sequence.toString() << " item " << index);
  REQUIRE(parent.findAndGetSequenceItem(sequence, item, index).good());
  return *item;
}

inline unsigned long items_in(DcmItem& parent, const DcmTagKey& sequence) {
  DcmSequenceOfItems* items = nullptr;
  return parent.findAndGetSequence(sequence, items).good() ? items->card() : 0;
}

}  // namespace metserve::dicom::testing
