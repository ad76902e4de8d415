#pragma once

#include "dicom/study.h"

namespace metserve::pipeline {

/// Which of a Dixon acquisition's images a series holds. Water and in phase show what a T1 shows; fat,
/// opposed phase and fractions do not.
enum class Dixon { none, water, in_phase, other };

/// From Image Type or Frame Type alone.
Dixon dixon_by_type(const dicom::SeriesHeader& header);

/// From the image type, and from the description where that is silent: "FAT: Sag CUBE", "t1_dixon_F", "out
/// of phase". What speaks of fat suppression ("fat sat", "fs") says nothing.
Dixon dixon_of(const dicom::SeriesHeader& header);

}  // namespace metserve::pipeline
