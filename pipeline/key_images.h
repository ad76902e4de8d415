#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "dicom/results.h"
#include "pipeline/segment_study.h"

namespace metserve::pipeline {

/// Most pictures of slices in one series; the summary says when lesions are on none of them.
inline constexpr std::size_t most_key_slices = 30;

/// Lines of at most `letters` (6 or more), broken between words, or within one that is longer than half a
/// line; all but the first begin with two spaces.
std::vector<std::string> wrapped(std::string sentence, std::size_t letters);

/// For viewers that show neither segmentations nor reports: one page that says what was found, then the
/// reference's slices through the lesions with outlines and numbers, the largest lesion first. Each says that
/// it is for research and not approved.
std::vector<dicom::Picture> key_pictures(const StudyResult& result);

/// Writes them as Secondary Captures key_01.dcm, key_02.dcm, ... into `directory`.
std::vector<std::filesystem::path> write_key_images(const StudyResult& result,
                                                    const dicom::ResultContext& context,
                                                    const std::filesystem::path& directory);

/// Removes what write_key_images wrote into `directory` before.
void remove_key_images(const std::filesystem::path& directory);

}  // namespace metserve::pipeline
