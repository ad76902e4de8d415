#pragma once

#include <filesystem>

#include "models/simulator.h"

namespace metserve::models {

/// Writes the study as a folder `directory`/NAME: `t1_gre_post.nii.gz`, `t1_se_pre.nii.gz`,
/// `t1_se_post.nii.gz`, `flair.nii.gz` (those that the study has; int16, rounded), `truth.nii.gz` (lesion
/// numbers), and `study.json` with the lesions, each sequence's parameters and the patient's true motion.
/// Returns the folder. Throws Error(io).
std::filesystem::path write_study_nifti(const SimulatedStudy& study, const std::filesystem::path& directory);

/// Reads such a folder back; voxels float32, truth int16. Throws Error(io) or Error(bad_input), which names
/// the file, when a part is missing or does not fit.
SimulatedStudy read_study_nifti(const std::filesystem::path& folder);

}  // namespace metserve::models
