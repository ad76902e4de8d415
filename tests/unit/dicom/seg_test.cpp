#include "dicom/error.h"
#include "tests/unit/dicom/result_fixtures.h"

using namespace metserve::dicom;
using namespace metserve::dicom::testing;

namespace {

const UidSource uids("2.25", "segmentation test");
const std::vector<LesionDescription> no_lesions;

/// The label map that a SEG says, unpacked without DCMTK's own (equally wrong) reader.
std::vector<std::uint16_t> labels_of(DcmItem& seg, const LoadedSeries& reference) {
  const VolumeGeometry& g = reference.volume.geometry;
  const Uint8* bytes = nullptr;
  unsigned long length = 0;
  REQUIRE(seg.findAndGetUint8Array(DCM_PixelData, bytes, &length).good());
  const std::size_t pixels = g.size[0] * g.size[1];
  const unsigned long frames = items_in(seg, DCM_PerFrameFunctionalGroupsSequence);
  REQUIRE(text_of(seg, DCM_NumberOfFrames) == std::to_string(frames));
  const std::size_t packed = (frames * pixels + 7) / 8;
  REQUIRE(length == packed + packed % 2);
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  for (unsigned long f = 0; f < frames; ++f) {
    DcmItem& groups = item_of(seg, DCM_PerFrameFunctionalGroupsSequence, static_cast<long>(f));
    const std::string position =
        text_of(item_of(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient);
    Uint16 segment = 0;
    REQUIRE(item_of(groups, DCM_SegmentIdentificationSequence)
                .findAndGetUint16(DCM_ReferencedSegmentNumber, segment)
                .good());
    std::size_t slice = 0;
    while (slice < g.size[2] && reference.slices[slice].image_position != position) ++slice;
    REQUIRE(slice < g.size[2]);
    for (std::size_t p = 0; p < pixels; ++p) {
      const std::size_t bit = f * pixels + p;
      if ((bytes[bit / 8] >> (bit % 8) & 1) != 0) labels[slice * pixels + p] = segment;
    }
  }
  return labels;
}

}  // namespace

TEST_CASE("A segmentation holds the mask bit for bit on matrices of every size modulo 8", "[dicom][seg]") {
  const TemporaryDirectory directory;
  for (std::size_t columns = 40; columns < 48; ++columns) {
    ReferenceOptions options;
    options.size = {columns, 47, 9};
    const LoadedSeries reference = make_reference(directory / std::to_string(columns), options);
    const auto labels = draw(reference.volume.geometry, {{{3, -17, 41}, 4}, {{-6, -25, 42}, 3}});
    const auto lesions = describe(2);
    const auto file = directory / "seg.dcm";
    write_segmentation(make_context(reference, lesions, uids), labels, file);
    const auto format = read(file);
    INFO(columns);
    REQUIRE(labels_of(*format->getDataset(), reference) == labels);
  }
}

TEST_CASE("The length of a segmentation's pixels can be taken for no other packing", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  for (const std::size_t columns : {40, 41, 42, 43, 44, 45, 46, 47})
    for (const std::size_t rows : {30, 31, 32, 33, 36})
      for (const std::size_t slices : {3, 9}) {
        ReferenceOptions options;
        options.size = {columns, rows, slices};
        const LoadedSeries reference = make_reference(directory / "reference", options);
        const auto labels = draw_boxes(reference.volume.geometry, 3);
        const auto lesions = describe(3);
        write_segmentation(make_context(reference, lesions, uids), labels, file);
        const auto format = read(file);
        const std::size_t frames = items_in(*format->getDataset(), DCM_PerFrameFunctionalGroupsSequence);
        const std::size_t pixels = columns * rows, bytes = (frames * pixels + 7) / 8;
        INFO(columns << " x " << rows << " x " << slices << ", " << frames << " frames");
        REQUIRE(labels_of(*format->getDataset(), reference) == labels);
        if (slices < 9) continue;  // there is no room for empty frames
        REQUIRE(frames <= 6 + 15);
        REQUIRE(bytes % 2 == 0);
        REQUIRE((pixels % 8 == 0 || bytes != (pixels + 7) / 8 * frames));
      }
}

TEST_CASE("Segmentations pass dciodvfy for every plane, character set and lesion count", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  for (const ReferenceCase& one : reference_cases({all_planes.begin(), all_planes.end()}, {1, 300})) {
    INFO(one.name());
    const LoadedSeries reference = make_reference(directory / "reference", one.options);
    const auto labels = draw_boxes(reference.volume.geometry, one.lesions);
    const auto lesions = describe(one.lesions);
    write_segmentation(make_context(reference, lesions, uids), labels, file);
    require_valid_object(file);
    const auto format = read(file);
    DcmItem& seg = *format->getDataset();
    REQUIRE(labels_of(seg, reference) == labels);
    REQUIRE(text_of(seg, DCM_PatientName) == one.options.patient_name);
    REQUIRE(text_of(seg, DCM_SpecificCharacterSet) == one.options.character_set);
  }
}

TEST_CASE("A segmentation refers to its series and each frame to exactly one image", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  for (const bool enhanced : {false, true}) {
    const LoadedSeries reference =
        make_reference(directory / "reference", {.plane = Plane::oblique, .enhanced = enhanced});
    const auto labels = draw_boxes(reference.volume.geometry, 120);
    const auto lesions = describe(120);
    write_segmentation(make_context(reference, lesions, uids), labels, file);
    const auto format = read(file);
    DcmItem& seg = *format->getDataset();
    DcmItem& series = item_of(seg, DCM_ReferencedSeriesSequence);
    REQUIRE(items_in(seg, DCM_ReferencedSeriesSequence) == 1);
    REQUIRE(text_of(series, DCM_SeriesInstanceUID) == reference.header.series_instance_uid);
    REQUIRE(items_in(series, DCM_ReferencedInstanceSequence) == (enhanced ? 1 : reference.slices.size()));
    DcmItem& shared = item_of(seg, DCM_SharedFunctionalGroupsSequence);
    REQUIRE(text_of(item_of(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient) ==
            reference.image_orientation);
    DcmItem& measures = item_of(shared, DCM_PixelMeasuresSequence);
    REQUIRE(text_of(measures, DCM_PixelSpacing) == reference.pixel_spacing);
    REQUIRE(text_of(measures, DCM_SliceThickness) == "1.3");
    REQUIRE(text_of(measures, DCM_SpacingBetweenSlices) == "1.3");
    const unsigned long frames = items_in(seg, DCM_PerFrameFunctionalGroupsSequence);
    REQUIRE(frames >= 240);
    REQUIRE(frames < 256);
    for (unsigned long f = 0; f < frames; ++f) {
      DcmItem& groups = item_of(seg, DCM_PerFrameFunctionalGroupsSequence, static_cast<long>(f));
      REQUIRE(items_in(groups, DCM_DerivationImageSequence) == 1);
      DcmItem& derivation = item_of(groups, DCM_DerivationImageSequence);
      REQUIRE(items_in(derivation, DCM_SourceImageSequence) == 1);
      DcmItem& source = item_of(derivation, DCM_SourceImageSequence);
      const std::string position =
          text_of(item_of(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient);
      std::size_t slice = 0;
      while (reference.slices.at(slice).image_position != position) ++slice;
      REQUIRE(text_of(source, DCM_ReferencedSOPInstanceUID) == reference.slices[slice].sop_instance_uid);
      REQUIRE(text_of(source, DCM_ReferencedFrameNumber) ==
              (enhanced ? std::to_string(*reference.slices[slice].frame_number) : ""));
    }
  }
}

TEST_CASE("A segmentation says what made it, and that it is for research", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto labels = draw_boxes(reference.volume.geometry, 3);
  const auto lesions = describe(3);
  const ResultContext context = make_context(reference, lesions, uids);
  write_segmentation(context, labels, file);
  const auto format = read(file);
  DcmItem& seg = *format->getDataset();
  REQUIRE(text_of(seg, DCM_SeriesDescription) == "Metastases SEG, research use: BRAVO, FLAIR");
  REQUIRE(text_of(seg, DCM_SeriesNumber) == "9000");
  REQUIRE(text_of(seg, DCM_SoftwareVersions) ==
          "MetServe 0.1.0\\" + context.algorithm.weights_sha256 + "\\metserve-input-dropout 1.0");
  REQUIRE(text_of(seg, DCM_InstitutionName).empty());
  REQUIRE(text_of(seg, DCM_PatientID) == "P-0042");
  REQUIRE(text_of(seg, DCM_StudyInstanceUID) == reference.header.study_instance_uid);
  REQUIRE(text_of(seg, DCM_FrameOfReferenceUID) == reference.header.frame_of_reference_uid);
  REQUIRE(text_of(seg, DCM_SegmentationType) == "BINARY");
  DcmItem& segment = item_of(seg, DCM_SegmentSequence, 2);
  REQUIRE(text_of(segment, DCM_SegmentAlgorithmType) == "AUTOMATIC");
  REQUIRE(text_of(segment, DCM_TrackingID) == "GTV_MET_03");
  REQUIRE(text_of(segment, DCM_TrackingUID) == uids.uid("lesion/3/tracking"));
  REQUIRE(text_of(item_of(segment, DCM_SegmentedPropertyTypeCodeSequence), DCM_CodeValue) == "14799000");
  // Latin-1 holds the circumflex of the French series description.
  const std::string parameters =
      text_of(item_of(segment, DCM_SegmentationAlgorithmIdentificationSequence), DCM_AlgorithmParameters);
  REQUIRE(parameters.find("Used: FLAIR: series 5 'T\xEAte FLAIR'") != std::string::npos);
  REQUIRE(parameters.find("Left out: CUBE pre") != std::string::npos);
}

TEST_CASE("A segmentation of images compressed with loss says so", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto source = read(reference.first_file);
  set(*source->getDataset(), DCM_LossyImageCompression, "01");
  set(*source->getDataset(), DCM_LossyImageCompressionRatio, "8.5");
  set(*source->getDataset(), DCM_LossyImageCompressionMethod, "ISO_10918_1");
  REQUIRE(source->saveFile(reference.first_file.c_str()).good());
  const auto lesions = describe(3);
  write_segmentation(make_context(reference, lesions, uids), draw_boxes(reference.volume.geometry, 3), file);
  require_valid_object(file);
  const auto format = read(file);
  REQUIRE(text_of(*format->getDataset(), DCM_LossyImageCompression) == "01");
  REQUIRE(text_of(*format->getDataset(), DCM_LossyImageCompressionRatio) == "8.5");
}

TEST_CASE("The same content gives the same segmentation", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto labels = draw_boxes(reference.volume.geometry, 7);
  const auto lesions = describe(7);
  const ResultContext context = make_context(reference, lesions, uids);
  std::string bytes[2];
  for (int run = 0; run < 2; ++run) {
    const auto file = directory / "seg.dcm";
    write_segmentation(context, labels, file);
    std::ifstream stream(file, std::ios::binary);
    bytes[run].assign(std::istreambuf_iterator<char>(stream), {});
  }
  REQUIRE(bytes[0].size() > 1000);
  REQUIRE(bytes[0] == bytes[1]);
}

TEST_CASE("Label maps that contradict the lesions are refused and leave no file", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  LoadedSeries reference = make_reference(directory / "reference", {});
  const auto labels = draw_boxes(reference.volume.geometry, 3);
  const auto none = describe(0), two = describe(2), three = describe(3), four = describe(4);
  const std::vector<std::uint16_t> empty(labels.size(), 0), short_map(5, 1);
  REQUIRE_THROWS_AS(write_segmentation(make_context(reference, none, uids), empty, file), Error);
  REQUIRE_THROWS_AS(write_segmentation(make_context(reference, two, uids), labels, file), Error);
  REQUIRE_THROWS_AS(write_segmentation(make_context(reference, four, uids), labels, file), Error);
  REQUIRE_THROWS_AS(write_segmentation(make_context(reference, three, uids), short_map, file), Error);
  REQUIRE_THROWS_AS(
      write_segmentation(make_context(reference, three, uids), labels, directory / "no/seg.dcm"), Error);
  reference.header.frame_of_reference_uid.clear();
  REQUIRE_THROWS_AS(write_segmentation(make_context(reference, three, uids), labels, file), Error);
  REQUIRE_FALSE(std::filesystem::exists(file));
}

TEST_CASE("Each of 300 lesions is a segment with the slices it has", "[dicom][seg]") {
  const TemporaryDirectory directory;
  ReferenceOptions options;
  options.size = {256, 256, 300};
  const LoadedSeries reference = make_reference(directory / "reference", options);
  const VolumeGeometry& g = reference.volume.geometry;
  std::vector<std::uint16_t> labels(g.voxel_count(), 0);
  for (std::size_t n = 0; n < 300; ++n)
    for (std::size_t v = 0; v < 1000; ++v) {
      const std::size_t i = n % 20 * 12 + v % 10, j = n / 20 * 12 + v / 10 % 10, k = n % 29 * 10 + v / 100;
      labels[(k * 256 + j) * 256 + i] = static_cast<std::uint16_t>(n + 1);
    }
  const auto lesions = describe(300);
  write_segmentation(make_context(reference, lesions, uids), labels, directory / "seg.dcm");
  const auto format = read(directory / "seg.dcm");
  DcmItem& seg = *format->getDataset();
  CHECK(items_in(seg, DCM_SegmentSequence) == 300);
  CHECK(items_in(seg, DCM_PerFrameFunctionalGroupsSequence) == 3000);  // ten slices each
}

TEST_CASE("With all frames every segment has every slice, and the mask is the same", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "seg.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const auto labels = draw_boxes(reference.volume.geometry, 3);
  const auto lesions = describe(3);
  ResultContext context = make_context(reference, lesions, uids);
  context.all_frames = true;
  write_segmentation(context, labels, file);
  require_valid_object(file);
  const auto format = read(file);
  CHECK(items_in(*format->getDataset(), DCM_PerFrameFunctionalGroupsSequence) ==
        3 * reference.volume.geometry.size[2]);
  REQUIRE(labels_of(*format->getDataset(), reference) == labels);
}

TEST_CASE("Probabilities come back value for value, in every plane", "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "probability.dcm";
  for (const Plane plane : all_planes)
    for (const bool enhanced : {false, true}) {
      INFO(name_of(plane) << (enhanced ? ", enhanced" : ""));
      const std::string name = name_of(plane) + (enhanced ? "-enhanced" : "");
      const LoadedSeries reference =
          make_reference(directory / name, {.plane = plane, .size = {41, 47, 9}, .enhanced = enhanced});
      const std::size_t pixels = 41 * 47;
      std::vector<std::uint8_t> values(9 * pixels);  // the first and the last three slices stay empty
      for (std::size_t v = pixels; v < 6 * pixels; ++v) values[v] = static_cast<std::uint8_t>(v * 7 % 256);
      write_probability_map(make_context(reference, no_lesions, uids), values, file);
      require_valid_object(file);
      const auto format = read(file);
      DcmItem& map = *format->getDataset();
      CHECK(text_of(map, DCM_SegmentationType) == "FRACTIONAL");
      CHECK(text_of(map, DCM_SegmentationFractionalType) == "PROBABILITY");
      CHECK(items_in(map, DCM_SegmentSequence) == 1);
      REQUIRE(items_in(map, DCM_PerFrameFunctionalGroupsSequence) == 5);
      const Uint8* bytes = nullptr;
      unsigned long length = 0;
      REQUIRE(map.findAndGetUint8Array(DCM_PixelData, bytes, &length).good());
      REQUIRE(length == 5 * pixels + 1);
      for (std::size_t f = 0; f < 5; ++f) {
        DcmItem& groups = item_of(map, DCM_PerFrameFunctionalGroupsSequence, static_cast<long>(f));
        REQUIRE(text_of(item_of(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient) ==
                reference.slices[f + 1].image_position);
        REQUIRE(std::equal(bytes + f * pixels, bytes + (f + 1) * pixels,
                           values.begin() + static_cast<long>((f + 1) * pixels)));
      }
    }
}

TEST_CASE("A map without any probability is a whole map of zeros; one that does not fit is refused",
          "[dicom][seg]") {
  const TemporaryDirectory directory;
  const auto file = directory / "probability.dcm";
  const LoadedSeries reference = make_reference(directory / "reference", {});
  const std::vector<std::uint8_t> nothing(reference.volume.geometry.voxel_count());
  REQUIRE_THROWS_AS(
      write_probability_map(make_context(reference, no_lesions, uids), std::span(nothing).subspan(1), file),
      Error);
  REQUIRE_FALSE(std::filesystem::exists(file));
  write_probability_map(make_context(reference, no_lesions, uids), nothing, file);
  require_valid_object(file);
  REQUIRE(items_in(*read(file)->getDataset(), DCM_PerFrameFunctionalGroupsSequence) ==
          reference.volume.geometry.size[2]);
}
