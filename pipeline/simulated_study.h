#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "models/simulator.h"

namespace metserve::pipeline {

/// Whose headers a simulated study wears.
enum class Vendor { ge, siemens, philips };

/// "ge", "siemens" or "philips".
std::optional<Vendor> vendor_from_name(std::string_view name);

/// Writes the study as a scanner of the vendor would send it: `directory`/NAME/SLOT/NNNN.dcm, one classic MR
/// series a sequence, with descriptions, pulse sequence attributes, contrast agent and times by which
/// `match_study` recognises them; and `directory`/NAME/truth.json: the lesions, centroids in LPS mm of the
/// series that the pipeline takes as reference, and how the patient moved to every other series. Patient,
/// station and study are called simulated. The same study gives the same UIDs.
/// Returns `directory`/NAME. Throws dicom::Error(io) when a file cannot be written.
std::filesystem::path write_dicom_study(const models::SimulatedStudy& study, Vendor vendor,
                                        const std::filesystem::path& directory);

}  // namespace metserve::pipeline
