#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/segment_study.h"
#include "tests/temporary_directory.h"

namespace metserve::pipeline::test {

/// Centres of `result_with_lesions`, LPS in mm.
inline const std::vector<dicom::Vec3> places{{20, 10, 30}, {-25, -40, 10}, {5, 50, -20}};

/// A result with spheres of 9, 6 and 4 mm radius in the phantom's BRAVO, which is written below `directory`.
StudyResult result_with_lesions(const TemporaryDirectory& directory, bool lesions = true);

/// Options with a clock that stands.
EncodeOptions options_at(std::chrono::system_clock::time_point time = {});

nlohmann::ordered_json read_json(const std::filesystem::path& file);

/// SOP instance UID of a DICOM file.
std::string uid_of(const std::filesystem::path& file);

}  // namespace metserve::pipeline::test
