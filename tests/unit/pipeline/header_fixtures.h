#pragma once

#include <string>
#include <vector>

#include "dicom/study.h"
#include "pipeline/match.h"

// Headers as a Siemens scanner writes them, complete and consistent; tests change what they are about.
namespace metserve::pipeline::test {

/// A 3D series of 176 sagittal slices without physics; `time_s` since midnight.
dicom::SeriesHeader mr(const std::string& description, int number, double time_s);
dicom::SeriesHeader mprage(const std::string& description, int number, double time_s);
dicom::SeriesHeader space(const std::string& description, int number, double time_s);
dicom::SeriesHeader space_flair(const std::string& description, int number, double time_s);
/// 28 axial slices, 5.5 mm apart.
dicom::SeriesHeader t1_se_2d(const std::string& description, int number, double time_s);

/// Matches these series as one study.
StudyMatch match(const std::vector<dicom::SeriesHeader>& headers, const MatchOptions& options = {});

/// Decision and slot: "used flair", "rejected -".
std::string outcome(const SeriesMatch& match);

}  // namespace metserve::pipeline::test
