#include "server/predecessor.h"

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "dicom/error.h"
#include "pipeline/error.h"
#include "server/error.h"
#include "server/error_table.h"
#include "server/hash.h"
#include "server/intact_images.h"

namespace metserve::server {
namespace {

/// Whether a result says that no lesion was found. One that is damaged or gone says nothing.
bool lists_no_lesion(const std::filesystem::path& result) {
  std::ifstream file(result / "lesions.json");
  const auto json = nlohmann::json::parse(file, nullptr, false);
  return json.contains("lesions") && json["lesions"] == nlohmann::json::array();
}

void compare(pipeline::StudyResult& result, const Predecessor& earlier, const Claim& claim,
             const JobContext& context) {
  const auto left = context.storage.directory() / earlier.result_directory;
  const std::string date = earlier.studied.substr(0, 8);
  const auto warn = [&](const std::exception& error) {
    result.warnings.push_back("not compared with the study of " + date + ": what it left cannot be used");
    context.log.warning("not compared with study " + earlier.key + ": " + reason_of(error), claim.key);
  };
  try {
    if (lists_no_lesion(left))
      pipeline::compare_with_no_lesions(result, date);
    else
      pipeline::compare_with_earlier(result,
                                     {left / "seg.dcm", intact_images(earlier.images, context.storage)}, {});
    if (result.follow_up) context.log.info("compared with study " + earlier.key, claim.key);
  } catch (const dicom::Error& error) {
    warn(error);
  } catch (const pipeline::Error& error) {
    warn(error);
  } catch (const Error& error) {
    warn(error);
  }
}

}  // namespace

std::string patient_key(const dicom::StudyOfPatient& study) {
  if (study.patient_id.empty() || study.birth_date.empty()) return {};
  return sha256_hex(study.patient_id + '\n' + study.issuer + '\n' + study.birth_date);
}

void compare_with_predecessor(pipeline::StudyResult& result, const Claim& claim, const JobContext& context) {
  const auto study = dicom::study_of_patient(result.reference.first_file);
  const PatientRecord patient{patient_key(study), study.date + study.time};
  context.store.record_patient(claim, patient);
  if (!context.config.study.follow_up || patient.key.empty() || study.date.empty()) return;
  if (const auto earlier = context.store.predecessor(patient)) compare(result, *earlier, claim, context);
}

}  // namespace metserve::server
