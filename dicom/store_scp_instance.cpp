#include "dicom/store_scp_instance.h"

#include <algorithm>
#include <array>
#include <exception>

#include "dicom/error.h"
#include "dicom/part10.h"

namespace metserve::dicom {
namespace {

constexpr std::uint32_t sop_class_tag = 0x00080016, sop_instance_tag = 0x00080018, modality_tag = 0x00080060,
                        study_instance_tag = 0x0020000d, series_instance_tag = 0x0020000e;
constexpr std::array identifying_tags = {sop_class_tag, sop_instance_tag, modality_tag, study_instance_tag,
                                         series_instance_tag};

std::string required_uid(const ScannedValues& values, std::uint32_t tag, const char* name) {
  const auto found = values.find(tag);
  if (found == values.end()) throw StoreRefusal(StoreStatus::cannot_understand, std::string("no ") + name);
  auto uid = without_padding(found->second);
  if (!is_valid_uid(uid)) throw StoreRefusal(StoreStatus::cannot_understand, std::string("invalid ") + name);
  return uid;
}

/// A code string (PS3.5 section 6.2), or nothing.
std::string code_string(const ScannedValues& values, std::uint32_t tag) {
  const auto found = values.find(tag);
  if (found == values.end()) return {};
  auto text = without_padding(found->second);
  const bool valid = text.size() <= 16 && std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ';
                     });
  return valid ? text : std::string();
}

}  // namespace

StoreAnswer answer_for_current_exception() {
  try {
    throw;
  } catch (const StoreRefusal& refusal) {
    return {refusal.status, refusal.what(), true};
  } catch (const Error& error) {
    const bool senders_fault =
        error.kind() == Error::Kind::bad_input || error.kind() == Error::Kind::unsupported;
    return {senders_fault ? StoreStatus::cannot_understand : StoreStatus::out_of_resources, error.what(),
            senders_fault};
  } catch (const std::exception& error) {
    return {StoreStatus::out_of_resources, error.what(), false};
  } catch (...) {
    return {StoreStatus::out_of_resources, "unknown failure", false};
  }
}

void check_command(const Command& command, std::string_view abstract_syntax) {
  if (!is_valid_uid(command.sop_instance_uid))
    throw StoreRefusal(StoreStatus::cannot_understand, "invalid SOP instance UID");
  if (command.sop_class_uid != abstract_syntax)
    throw StoreRefusal(StoreStatus::dataset_mismatch, "SOP class is not that of the presentation context");
}

void identify(ReceivedInstance& instance, std::span<const std::uint8_t> dataset,
              std::uint64_t max_inflated_bytes) {
  const ScanLimits limits = {.max_inflated_bytes = max_inflated_bytes};
  const auto values = scan_dataset(dataset, instance.transfer_syntax_uid, identifying_tags, limits);
  if (required_uid(values, sop_instance_tag, "SOP instance UID") != instance.sop_instance_uid)
    throw StoreRefusal(StoreStatus::dataset_mismatch, "SOP instance UID is not that of the command");
  if (required_uid(values, sop_class_tag, "SOP class UID") != instance.sop_class_uid)
    throw StoreRefusal(StoreStatus::dataset_mismatch, "SOP class UID is not that of the command");
  instance.study_instance_uid = required_uid(values, study_instance_tag, "study instance UID");
  instance.series_instance_uid = required_uid(values, series_instance_tag, "series instance UID");
  instance.modality = code_string(values, modality_tag);
}

}  // namespace metserve::dicom
