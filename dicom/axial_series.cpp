// The reference's images on an axial grid, for planning systems that take no other.

#include <algorithm>
#include <array>
#include <cstdio>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/mr_image.h"
#include "dicom/results.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

/// MR has no rescale slope: values mean nothing but their order, and are kept where 16 bits can hold them.
void fit_16_bits(std::vector<float>& voxels) {
  constexpr float least_range = 512, most = 65535, scaled_range = 4095;
  const auto [low, high] = std::minmax_element(voxels.begin(), voxels.end());
  const float offset = std::min(0.0F, *low);
  const float range = *high - offset;
  const float factor = range > most || (range > 0 && range < least_range) ? scaled_range / range : 1.0F;
  if (offset == 0 && factor == 1) return;
  for (float& voxel : voxels) voxel = (voxel - offset) * factor;
}

bool is_inversion_recovery(const SeriesHeader& header) {
  const auto& sequence = header.scanning_sequence;
  return std::find(sequence.begin(), sequence.end(), "IR") != sequence.end();
}

/// Text in the reference's character set. An inversion time has its place with the sequence IR only (PS3.3
/// C.8.3.1); scanners write it with others too.
SeriesHeader physics_of(const SeriesHeader& reference, const ReferenceHead& head) {
  SeriesHeader header = reference;
  header.image_type = {"DERIVED", "SECONDARY", "MPR"};
  if (!is_inversion_recovery(header)) header.ti_ms.reset();
  header.sequence_name = head.encode(header.sequence_name, 16);
  for (std::string* text : {&header.contrast_agent, &header.contrast_route}) *text = head.encode(*text, 64);
  return header;
}

void put_image(DcmItem& item, const ResultContext& context, const ReferenceHead& head) {
  const std::string& series = context.reference.header.series_instance_uid;
  put(item, DCM_FrameOfReferenceUID, context.reference.header.frame_of_reference_uid);
  put(item, DCM_PositionReferenceIndicator, "");
  put(item, DCM_BodyPartExamined, "BRAIN");
  put(item, DCM_ContentDate, dicom_date(context.clock()));
  put(item, DCM_ContentTime, dicom_time(context.clock()));
  put(item, DCM_BurnedInAnnotation, "NO");
  put(item, DCM_DerivationDescription, "Axial reformat of series " + series);
  append_code(item, DCM_DerivationCodeSequence, code::reformatting);
  put(item, DCM_ImageComments, std::string(research_use_statement));
  if (is_inversion_recovery(context.reference.header) && !context.reference.header.ti_ms)
    put(item, DCM_InversionTime, "");
  put(item, DCM_PatientPosition, head.value(DCM_PatientPosition));  // type 2C: empty where it is not known
  put_compression(item, head);
}

std::string file_name(std::size_t number) {
  std::array<char, 40> name{};
  std::snprintf(name.data(), name.size(), "axial_%04zu.dcm", number);
  return name.data();
}

}  // namespace

AxialSeries write_axial_series(const ResultContext& context, Volume axial,
                               const std::filesystem::path& directory) {
  fit_16_bits(axial.voxels);
  const ReferenceHead head(context.reference);
  const SeriesHeader header = physics_of(context.reference.header, head);
  AxialSeries result{
      {context.reference.header, std::move(axial), {}, {}, {}, {}, context.reference.first_file, {}}, {}};
  LoadedSeries& series = result.series;
  for (std::size_t slice = 0; slice < series.volume.geometry.size[2]; ++slice) {
    const std::string number = std::to_string(slice + 1);
    DcmFileFormat encoded;
    DcmDataset& dataset = *encoded.getDataset();
    put_common_modules(dataset, context, head, axial_series_identity);
    put(dataset, DCM_SOPInstanceUID,
        context.uids.uid(std::string(axial_series_identity.role) + '/' + number));
    put(dataset, DCM_InstanceNumber, number);
    put_mr_physics(dataset, header);
    put_mr_plane(dataset, series.volume.geometry, std::nullopt, slice);
    put_image(dataset, context, head);
    put_mr_pixels(dataset, series.volume, slice);
    result.files.push_back(directory / file_name(slice + 1));
    save(encoded, result.files.back());
    series.slices.push_back({UID_MRImageStorage, text_of(dataset, DCM_SOPInstanceUID), std::nullopt,
                             text_of(dataset, DCM_ImagePositionPatient)});
    series.header.series_instance_uid = text_of(dataset, DCM_SeriesInstanceUID);
    series.image_orientation = text_of(dataset, DCM_ImageOrientationPatient);
    series.pixel_spacing = text_of(dataset, DCM_PixelSpacing);
    series.slice_thickness = text_of(dataset, DCM_SliceThickness);
  }
  return result;
}

}  // namespace metserve::dicom
