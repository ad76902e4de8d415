#pragma once

#include <filesystem>

#include "pipeline/segment_study.h"

namespace metserve::pipeline {

/// A picture to look at, PNG: slices of the reference series through the largest lesions (or, without
/// lesions, through the middle of the head) with outlines and numbers, in the series' own planes, and the
/// statement that it is for research. Written completely or not at all.
/// Throws dicom::Error(io) when the file cannot be written.
void write_preview(const StudyResult& result, const std::filesystem::path& file);

}  // namespace metserve::pipeline
