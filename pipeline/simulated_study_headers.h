#pragma once

#include "dicom/study.h"
#include "models/simulator.h"
#include "pipeline/simulated_study.h"

namespace metserve::pipeline {

/// What the vendor's scanner writes about such a series: names, pulse sequence attributes, contrast agent,
/// times. `plane`: AX, SAG or COR, for the description. Without UIDs.
dicom::SeriesHeader vendor_header(Vendor vendor, const models::SimulatedSequence& sequence,
                                  std::string_view plane);

}  // namespace metserve::pipeline
