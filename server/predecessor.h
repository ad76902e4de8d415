#pragma once

#include <string>

#include "dicom/patient.h"
#include "pipeline/segment_study.h"
#include "server/study_job.h"

namespace metserve::server {

/// What studies of one patient have in common: the SHA-256 of ID, issuer and birth date, so that neither an
/// ID that two hospitals gave nor a name is needed. Empty without an ID, and without a birth date, as
/// placeholders have none.
std::string patient_key(const dicom::StudyOfPatient& study);

/// Compares the result with that of the patient's last study before this one, where there is one here. What
/// cannot be compared is a warning in the result.
void compare_with_predecessor(pipeline::StudyResult& result, const Claim& claim, const JobContext& context);

}  // namespace metserve::server
