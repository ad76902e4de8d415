#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "dicom/error.h"
#include "dicom/results.h"
#include "dicom/results_dataset.h"

namespace metserve::dicom {
namespace {

void require_filled(const Picture& picture) {
  if (picture.columns > 0 && picture.rows > 0 && picture.columns <= 65535 && picture.rows <= 65535 &&
      picture.rgb.size() == picture.columns * picture.rows * 3)
    return;
  throw Error(Error::Kind::bad_input, "picture '" + picture.title + "' of " +
                                          std::to_string(picture.columns) + " x " +
                                          std::to_string(picture.rows) + " pixels has " +
                                          std::to_string(picture.rgb.size()) + " bytes");
}

void put_pixels(DcmItem& dataset, const Picture& picture) {
  const auto put_short = [&](const DcmTagKey& tag, std::size_t value) {
    require(dataset.putAndInsertUint16(tag, static_cast<Uint16>(value)), DcmTag(tag).getTagName());
  };
  put(dataset, DCM_PhotometricInterpretation, "RGB");
  put_short(DCM_SamplesPerPixel, 3);
  put_short(DCM_PlanarConfiguration, 0);
  put_short(DCM_Rows, picture.rows);
  put_short(DCM_Columns, picture.columns);
  put_short(DCM_BitsAllocated, 8);
  put_short(DCM_BitsStored, 8);
  put_short(DCM_HighBit, 7);
  put_short(DCM_PixelRepresentation, 0);
  auto bytes = picture.rgb;
  if (bytes.size() % 2 != 0) bytes.push_back(0);
  require(
      dataset.putAndInsertUint8Array(DCM_PixelData, bytes.data(), static_cast<unsigned long>(bytes.size())),
      "pixel data");
}

/// Of rows and columns, as the slice is shown (PS3.3 C.7.6.1.1.1).
std::string orientation_of(const LoadedSeries& reference) {
  const auto& axes = reference.volume.geometry.axes_lps;
  return patient_letters(axes[0]) + '\\' + patient_letters(axes[1]);
}

void put_source(DcmItem& dataset, const SliceSource& source) {
  DcmItem& image = append_item(dataset, DCM_SourceImageSequence);
  put(image, DCM_ReferencedSOPClassUID, source.sop_class_uid);
  put(image, DCM_ReferencedSOPInstanceUID, source.sop_instance_uid);
  if (source.frame_number) put(image, DCM_ReferencedFrameNumber, std::to_string(*source.frame_number));
  append_code(image, DCM_PurposeOfReferenceCodeSequence, code::source_for_processing);
}

}  // namespace

void write_key_image(const ResultContext& context, const Picture& picture, int number,
                     const std::filesystem::path& file) {
  require_filled(picture);
  const ReferenceHead head(context.reference);
  DcmFileFormat encoded;
  DcmDataset& dataset = *encoded.getDataset();
  put_common_modules(dataset, context, head, key_image_identity);
  put(dataset, DCM_SOPInstanceUID,
      context.uids.uid(std::string(key_image_identity.role) + '/' + std::to_string(number)));
  put(dataset, DCM_InstanceNumber, std::to_string(number));
  put(dataset, DCM_ConversionType, "WSD");
  put(dataset, DCM_ImageType, "DERIVED\\SECONDARY");
  put(dataset, DCM_PatientOrientation, picture.slice ? orientation_of(context.reference) : "");
  put(dataset, DCM_Laterality, "");
  put(dataset, DCM_ContentDate, dicom_date(context.clock()));
  put(dataset, DCM_ContentTime, dicom_time(context.clock()));
  put(dataset, DCM_BurnedInAnnotation, "NO");  // nothing that names the patient
  put(dataset, DCM_DerivationDescription, head.encode("Drawn by MetServe: " + picture.title, 1024));
  put(dataset, DCM_ImageComments, head.encode(provenance(context), 1024));
  put_compression(dataset, head);
  if (picture.slice) put_source(dataset, context.reference.slices.at(*picture.slice));
  put_pixels(dataset, picture);
  save(encoded, file);
}

}  // namespace metserve::dicom
