#include "dicom/seg_document.h"

#include <cstdio>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmfg/fgfracon.h>
#include <dcmtk/dcmfg/fgpixmsr.h>
#include <dcmtk/dcmfg/fgplanor.h>
#include <dcmtk/dcmfg/fgplanpo.h>
#include <dcmtk/dcmseg/segdoc.h>
#include <dcmtk/dcmseg/segment.h>

#include "dicom/dataset.h"
#include "dicom/error.h"
#include "dicom/seg_groups.h"

namespace metserve::dicom {
namespace {

OFString of(const std::string& text) {
  return {text.data(), text.size()};
}

/// The values of a multi-valued decimal string, each as it is in the source.
std::vector<OFString> split_decimals(const std::string& text, std::size_t count, const std::string& what) {
  std::vector<OFString> values;
  for (const std::string& component : components(text)) values.push_back(of(decimal_string(component)));
  if (values.size() != count)
    throw Error(Error::Kind::bad_input,
                what + " is '" + text + "', not " + std::to_string(count) + " values");
  return values;
}

CodeSequenceMacro macro(const Code& code) {
  return {code.value, code.scheme, code.meaning};
}

/// Frames of one pixel: dcmseg packs most odd sizes wrongly (DCMTK up to 3.6.8) and looks at every pixel, so
/// it gets none of them, and put_pixels writes the image itself.
std::unique_ptr<DcmSegmentation> create(const ResultContext& context, const SegmentationText& text) {
  ContentIdentificationMacro content;
  require(content.setInstanceNumber("1"), "instance number");
  require(content.setContentLabel(text.label), "content label");
  require(content.setContentDescription(text.description), "content description");
  require(content.setContentCreatorName("MetServe"), "content creator");
  // Placeholders: put_common_modules writes the equipment of every object.
  const IODGeneralEquipmentModule::EquipmentInfo equipment("MetServe", "MetServe", "unknown", "unknown");
  DcmSegmentation* made = nullptr;
  require(text.values == SegmentationValues::binary
              ? DcmSegmentation::createBinarySegmentation(made, 1, 1, equipment, content)
              : DcmSegmentation::createFractionalSegmentation(made, 1, 1, DcmSegTypes::SFT_PROBABILITY,
                                                              largest_fraction, equipment, content),
          "segmentation");
  std::unique_ptr<DcmSegmentation> segmentation(made);
  require(segmentation->getStudy().setStudyInstanceUID(of(context.reference.header.study_instance_uid)),
          "study instance UID");
  require(segmentation->getFrameOfReference().setFrameOfReferenceUID(
              of(context.reference.header.frame_of_reference_uid)),
          "frame of reference UID");
  require(segmentation->getSeries().setSeriesNumber("1"), "series number");
  return segmentation;
}

/// After dcmseg, because it refuses text beyond ASCII whatever the character set.
void put_algorithm(DcmItem& segment, const ResultContext& context, const ReferenceHead& head) {
  const Algorithm& algorithm = context.algorithm;
  put(segment, DCM_SegmentAlgorithmName, head.encode(algorithm.name, 64));
  DcmItem& identification = append_item(segment, DCM_SegmentationAlgorithmIdentificationSequence);
  append_code(identification, DCM_AlgorithmFamilyCodeSequence, code::artificial_intelligence);
  put(identification, DCM_AlgorithmName, head.encode(algorithm.name, 64));
  put(identification, DCM_AlgorithmVersion, head.encode(algorithm.version, 64));
  const std::string weights = std::string(weights_key) + algorithm.weights_sha256 + "\n";
  put(identification, DCM_AlgorithmParameters, head.encode(weights + provenance(context), 10240));
}

void add_segment(DcmSegmentation& segmentation, const SegmentText& text) {
  DcmSegment* made = nullptr;
  require(DcmSegment::create(made, of(text.label), macro(code::morphologically_abnormal),
                             macro(code::secondary_neoplasm), DcmSegTypes::SAT_AUTOMATIC, "MetServe"),
          "segment");
  std::unique_ptr<DcmSegment> segment(made);
  require(segment->setSegmentDescription(of(text.description)), "segment description");
  segment->getGeneralAnatomyCode().getAnatomicRegion() = macro(code::brain);
  const auto& cielab = text.colour.cielab;
  require(segment->setRecommendedDisplayCIELabValue(cielab[0], cielab[1], cielab[2]), "display colour");
  if (!text.tracking_uid.empty()) {
    require(segment->setTrackingID(of(text.tracking_id)), "tracking ID");
    require(segment->setTrackingUID(of(text.tracking_uid)), "tracking UID");
  }
  Uint16 number = 0;
  require(segmentation.addSegment(segment.get(), number), "segment");
  static_cast<void>(segment.release());
}

void add_dimensions(DcmSegmentation& segmentation, const ResultContext& context,
                    const ObjectIdentity& object) {
  IODMultiframeDimensionModule& dimensions = segmentation.getDimensions();
  const std::string organization = context.uids.uid(std::string(object.role) + "/dimensions");
  require(dimensions.addDimensionIndex(DCM_ReferencedSegmentNumber, of(organization),
                                       DCM_SegmentIdentificationSequence, "Segment"),
          "dimension index");
  require(dimensions.addDimensionIndex(DCM_ImagePositionPatient, of(organization), DCM_PlanePositionSequence,
                                       "Position"),
          "dimension index");
}

void add_shared_groups(DcmSegmentation& segmentation, const LoadedSeries& reference) {
  const auto cosines = split_decimals(reference.image_orientation, 6, "image orientation");
  FGPlaneOrientationPatient orientation;
  require(orientation.setImageOrientationPatient(cosines[0], cosines[1], cosines[2], cosines[3], cosines[4],
                                                 cosines[5], OFFalse),
          "image orientation");
  const auto spacings = split_decimals(reference.pixel_spacing, 2, "pixel spacing");
  const std::string between = decimal_string(reference.volume.geometry.spacing_mm[2]);
  FGPixelMeasures measures;
  require(measures.setPixelSpacing(spacings[0] + "\\" + spacings[1], OFFalse), "pixel spacing");
  require(measures.setSliceThickness(
              of(reference.slice_thickness.empty() ? between : decimal_string(reference.slice_thickness)),
              OFFalse),
          "slice thickness");
  require(measures.setSpacingBetweenSlices(of(between)), "spacing between slices");
  require(segmentation.addForAllFrames(orientation), "plane orientation");
  require(segmentation.addForAllFrames(measures), "pixel measures");
}

/// dcmseg writes no segment without frames; put_frame_groups replaces this one.
void add_placeholder_frame(DcmSegmentation& segmentation, std::size_t segment) {
  FGFrameContent content;
  require(content.setDimensionIndexValues(static_cast<Uint32>(segment), 0), "dimension index values");
  require(content.setDimensionIndexValues(1, 1), "dimension index values");
  FGPlanePosPatient position;  // looked for, because there is a frame of reference
  require(position.setImagePositionPatient("0", "0", "0"), "image position");
  OFVector<FGBase*> groups;
  groups.push_back(&content);
  groups.push_back(&position);
  Uint8 no_pixel = 0;
  require(segmentation.addFrame(&no_pixel, static_cast<Uint16>(segment), groups), "frame");
}

void add_references(DcmSegmentation& segmentation, const LoadedSeries& reference) {
  auto series = std::make_unique<IODSeriesAndInstanceReferenceMacro::ReferencedSeriesItem>();
  require(series->setSeriesInstanceUID(of(reference.header.series_instance_uid)), "referenced series");
  for (const ObjectReference& image : instances_of(reference))
    require(series->addReference(of(image.sop_class_uid), of(image.sop_instance_uid)), "referenced instance");
  segmentation.getCommonInstanceReference().getReferencedSeriesItems().push_back(series.release());
}

void put_pixels(DcmDataset& dataset, const VolumeGeometry& geometry,
                const std::vector<std::uint8_t>& pixels) {
  if (geometry.size[0] > 65535 || geometry.size[1] > 65535)
    throw Error(Error::Kind::bad_input, "slices of " + std::to_string(geometry.size[0]) + " x " +
                                            std::to_string(geometry.size[1]) +
                                            " pixels do not fit a segmentation");
  require(dataset.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(geometry.size[0])), "columns");
  require(dataset.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(geometry.size[1])), "rows");
  require(
      dataset.putAndInsertUint8Array(DCM_PixelData, pixels.data(), static_cast<unsigned long>(pixels.size())),
      "pixel data");
}

}  // namespace

void write_segmentation_document(const ResultContext& context, const SegmentationText& text,
                                 const SegmentationFrames& frames, const std::filesystem::path& file) {
  const LoadedSeries& reference = context.reference;
  const ReferenceHead head(reference);
  const auto segmentation = create(context, text);
  add_references(*segmentation, reference);
  add_dimensions(*segmentation, context, text.identity);
  add_shared_groups(*segmentation, reference);
  for (std::size_t n = 0; n < text.segments.size(); ++n) {
    add_segment(*segmentation, text.segments[n]);
    add_placeholder_frame(*segmentation, n + 1);
  }

  DcmFileFormat encoded;
  DcmDataset& dataset = *encoded.getDataset();
  // Both would find the placeholders wanting.
  segmentation->setCheckFGOnWrite(OFFalse);
  segmentation->setCheckDimensionsOnWrite(OFFalse);
  require(segmentation->writeDataset(dataset),
          "segmentation of series " + reference.header.series_instance_uid);
  put_common_modules(dataset, context, head, text.identity);
  DcmSequenceOfItems* segments = nullptr;
  require(dataset.findAndGetSequence(DCM_SegmentSequence, segments), "segments");
  for (unsigned long n = 0; n < segments->card(); ++n) put_algorithm(*segments->getItem(n), context, head);
  put(dataset, DCM_ContentDate, dicom_date(context.clock()));
  put(dataset, DCM_ContentTime, dicom_time(context.clock()));
  put_compression(dataset, head);
  put_superseded_series(dataset, text.superseded);
  put_frame_groups(dataset, frames.frames, reference);
  put_pixels(dataset, reference.volume.geometry, frames.pixels);
  save(encoded, file);
}

}  // namespace metserve::dicom
