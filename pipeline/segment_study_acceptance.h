#pragma once

#include "dicom/study.h"
#include "pipeline/match.h"
#include "pipeline/segment_study.h"

namespace metserve::pipeline {

/// "series 8 'AX BRAVO +C'".
std::string describe(const dicom::SeriesHeader& header);

/// "BRAVO: series 8 'AX BRAVO +C'".
std::string describe(models::Slot slot, const dicom::SeriesHeader& header);

/// Throws Error(ambiguous) that names the series a person has to decide about, with the strongest reason.
void require_unambiguous(const dicom::Study& study, const StudyMatch& match);

/// Throws Error(ambiguous) that names the series to be used whose images bear different patients (Patient ID,
/// its issuer or birth date), as after a correction that reached a part of the images: a study has one
/// patient (PS3.3 A.1.2). Between two series what one of them does not say is no difference, within one it
/// is.
void require_one_patient(const dicom::Study& study, const StudyMatch& match);

/// Throws Error(not_accepted) that says what is there and what the site's policy asks for. `left_out`: why
/// sequences that were there cannot be used, quoted in the text.
void require_accepted(models::SlotSet subset, const AcceptancePolicy& policy,
                      const std::vector<std::string>& left_out);

/// Throws Error(not_accepted) when the network cannot work on the subset: mid-subtract needs CUBE pre and
/// post.
void require_enough_for(const models::NetworkConfig& network, models::SlotSet subset);

/// What to tell people of a result on the subset when the network was not trained to miss a sequence (input
/// dropout) and does; else empty.
std::string warning_of_missing(const models::NetworkConfig& network, models::SlotSet subset);

}  // namespace metserve::pipeline
