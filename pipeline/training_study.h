#pragma once

#include <string>
#include <vector>

#include "models/data/dataset.h"
#include "models/study.h"

namespace metserve::pipeline {

/// An annotated study as the network will see it, and what could not be used of it.
struct TrainingStudy {
  models::Study study;
  std::vector<std::string> left_out;  ///< one sentence a sequence
};

/// Brings a study of a data set to the network's grid and input as serving does: its first sequence is the
/// reference, the others are registered to it unless they lie on the same grid already, everything is
/// resampled once and preprocessed. Axial images of the network's size and spacing (to 1 %) are not
/// resampled. Lesions are numbered anew: 26-connected components of the truth.
/// A sequence that cannot be registered or shows nothing (constant, negative or not a number) is left out.
/// Throws Error(bad_input) that names the study when there is no head in the reference.
TrainingStudy training_study(const models::AnnotatedStudy& study, const models::ClaheOptions& clahe);

}  // namespace metserve::pipeline
