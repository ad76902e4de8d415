#include "dicom/headers.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcelem.h>

namespace metserve::dicom {
namespace {

std::optional<int> integer(std::optional<double> number) {
  if (!number || std::abs(*number) > 1e9) return std::nullopt;
  return static_cast<int>(std::lround(*number));
}

std::optional<int> digits(const std::string& text, std::size_t start, std::size_t count) {
  if (text.size() < start + count) return std::nullopt;
  const std::string part = text.substr(start, count);
  if (part.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoi(part);
}

std::optional<long> parse_day(const std::string& date) {
  const auto year = digits(date, 0, 4), month = digits(date, 4, 2), day = digits(date, 6, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day civil{std::chrono::year(*year),
                                          std::chrono::month(static_cast<unsigned>(*month)),
                                          std::chrono::day(static_cast<unsigned>(*day))};
  if (!civil.ok()) return std::nullopt;
  return std::chrono::sys_days(civil).time_since_epoch().count();
}

std::optional<Moment> parse_date_time(const std::string& text) {
  if (text.size() < 10) return std::nullopt;
  const std::size_t zone = text.find_first_of("+-&");
  return parse_moment(text.substr(0, 8), text.substr(8, zone == std::string::npos ? zone : zone - 8));
}

/// Where the creator's block puts the element (PS3.5 section 7.8.1).
std::optional<DcmTagKey> private_tag(DcmItem& item, std::uint16_t group, const std::string& creator,
                                     std::uint8_t element) {
  for (std::uint16_t block = 0x10; block <= 0xff; ++block)
    if (text_of(item, DcmTagKey(group, block)) == creator)
      return DcmTagKey(group, static_cast<std::uint16_t>(block << 8 | element));
  return std::nullopt;
}

/// A private value whatever VR it was sent in.
std::string private_text(DcmItem& item, std::uint16_t group, const std::string& creator,
                         std::uint8_t element) {
  const auto tag = private_tag(item, group, creator, element);
  DcmElement* found = nullptr;
  if (!tag || item.findAndGetElement(*tag, found).bad()) return {};
  Uint8* bytes = nullptr;
  if (found->ident() != EVR_UN || found->getUint8Array(bytes).bad() || bytes == nullptr)
    return text_of(item, *tag);
  std::string text(reinterpret_cast<const char*>(bytes), found->getLength());
  text.erase(text.find_last_not_of(std::string_view(" \0", 2)) + 1);
  return text;
}

/// Siemens XA keeps NORM, DIS2D and the like in a private per-frame copy of the classic Image Type.
std::vector<std::string> siemens_image_type(const FrameAttributes& attributes) {
  constexpr const char* creator = "SIEMENS MR SDI 02";
  DcmItem* groups = attributes.per_frame_groups();
  if (groups == nullptr) return {};
  const auto tag = private_tag(*groups, 0x0021, creator, 0xfe);
  DcmItem* item = tag ? first_item(*groups, *tag) : nullptr;
  return item == nullptr ? std::vector<std::string>{}
                         : components(private_text(*item, 0x0021, creator, 0x75));
}

std::vector<std::string> image_type(const FrameAttributes& attributes) {
  auto type = components(attributes.first_text({DCM_FrameType, DCM_ImageType}));
  auto more = siemens_image_type(attributes);
  more.push_back(attributes.text(DCM_ComplexImageComponent));
  for (const std::string& part : more)
    if (!part.empty() && std::find(type.begin(), type.end(), part) == type.end()) type.push_back(part);
  return type;
}

void read_identity(const FrameAttributes& attributes, Utf8& utf8, SeriesHeader& header) {
  header.study_instance_uid = attributes.text(DCM_StudyInstanceUID);
  header.series_instance_uid = attributes.text(DCM_SeriesInstanceUID);
  header.frame_of_reference_uid = attributes.text(DCM_FrameOfReferenceUID);
  header.modality = attributes.text(DCM_Modality);
  header.series_number = integer(attributes.number(DCM_SeriesNumber));
  header.series_description = utf8(attributes.text(DCM_SeriesDescription));
  header.protocol_name = utf8(attributes.text(DCM_ProtocolName));
  header.study_description = utf8(attributes.text(DCM_StudyDescription));
  header.body_part = utf8(attributes.text(DCM_BodyPartExamined));
  header.station_name = utf8(attributes.text(DCM_StationName));
  header.manufacturer = utf8(attributes.text(DCM_Manufacturer));
  header.model_name = utf8(attributes.text(DCM_ManufacturerModelName));
}

void read_physics(const FrameAttributes& attributes, Utf8& utf8, SeriesHeader& header) {
  header.field_strength_t = attributes.number(DCM_MagneticFieldStrength);
  header.image_type = image_type(attributes);
  header.scanning_sequence = components(attributes.text(DCM_ScanningSequence));
  header.sequence_variant = components(attributes.text(DCM_SequenceVariant));
  header.scan_options = components(attributes.text(DCM_ScanOptions));
  header.sequence_name = utf8(attributes.first_text({DCM_SequenceName, DCM_PulseSequenceName}));
  header.ge_internal_sequence_name = utf8(private_text(attributes.dataset(), 0x0019, "GEMS_ACQU_01", 0x9c));
  header.ge_pulse_sequence_name = utf8(private_text(attributes.dataset(), 0x0019, "GEMS_ACQU_01", 0x9e));
  header.acquisition_contrast = attributes.text(DCM_AcquisitionContrast);
  header.echo_pulse_sequence = attributes.text(DCM_EchoPulseSequence);
  header.inversion_recovery = attributes.text(DCM_InversionRecovery);
  header.magnetization_transfer = attributes.text(DCM_MagnetizationTransfer);
  header.acquisition_type = attributes.text(DCM_MRAcquisitionType);
  header.tr_ms = attributes.number(DCM_RepetitionTime);
  header.te_ms = attributes.first_number({DCM_EffectiveEchoTime, DCM_EchoTime});
  header.ti_ms = attributes.first_number({DCM_InversionTimes, DCM_InversionTime});
  header.flip_deg = attributes.number(DCM_FlipAngle);
  header.echo_train_length = integer(attributes.first_number({DCM_RFEchoTrainLength, DCM_EchoTrainLength}));
  header.slice_thickness_mm = attributes.number(DCM_SliceThickness);
}

/// Classic attributes (PS3.3 C.7.6.4), or the enhanced agent sequence (C.7.6.4b) and its per-frame use.
void read_contrast(const FrameAttributes& attributes, Utf8& utf8, SeriesHeader& header) {
  DcmItem& dataset = attributes.dataset();
  header.contrast_agent = utf8(attributes.text(DCM_ContrastBolusAgent));
  header.contrast_route = utf8(attributes.text(DCM_ContrastBolusRoute));
  header.contrast_volume = attributes.text(DCM_ContrastBolusVolume);
  header.contrast_administered = attributes.text(DCM_ContrastBolusAgentAdministered);
  header.contrast_phase = attributes.text(DCM_ContrastBolusAgentPhase);
  DcmItem* agent = first_item(dataset, DCM_ContrastBolusAgentSequence);
  if (agent == nullptr) return;
  if (header.contrast_agent.empty()) header.contrast_agent = utf8(text_of(*agent, DCM_CodeMeaning));
  if (header.contrast_volume.empty()) header.contrast_volume = text_of(*agent, DCM_ContrastBolusVolume);
  DcmItem* route = first_item(*agent, DCM_ContrastBolusAdministrationRouteSequence);
  if (route != nullptr && header.contrast_route.empty())
    header.contrast_route = utf8(text_of(*route, DCM_CodeMeaning));
}

}  // namespace

std::optional<Moment> parse_moment(const std::string& date, const std::string& time) {
  const auto hours = digits(time, 0, 2);
  if (!hours || *hours > 23) return std::nullopt;
  Moment moment{parse_day(date), *hours * 3600.0};
  moment.seconds += 60 * digits(time, 2, 2).value_or(0);
  if (time.size() >= 6) moment.seconds += parse_number(time.substr(4)).value_or(0);
  return moment;
}

std::optional<Moment> acquisition_moment(const FrameAttributes& attributes) {
  if (auto m =
          parse_date_time(attributes.first_text({DCM_FrameAcquisitionDateTime, DCM_AcquisitionDateTime})))
    return m;
  const std::string study_date = attributes.text(DCM_StudyDate);
  struct Pair {
    DcmTagKey date, time;
  };
  for (const Pair& pair : {Pair{DCM_AcquisitionDate, DCM_AcquisitionTime},
                           Pair{DCM_ContentDate, DCM_ContentTime}, Pair{DCM_SeriesDate, DCM_SeriesTime}}) {
    const std::string date = attributes.text(pair.date);
    if (auto m = parse_moment(date.empty() ? study_date : date, attributes.text(pair.time))) return m;
  }
  return std::nullopt;
}

SeriesHeader read_header(const FrameAttributes& attributes) {
  Utf8 utf8(attributes.dataset());
  SeriesHeader header;
  read_identity(attributes, utf8, header);
  read_physics(attributes, utf8, header);
  read_contrast(attributes, utf8, header);
  return header;
}

}  // namespace metserve::dicom
