#pragma once

#include <filesystem>

#include "models/data/dataset.h"

namespace metserve::models {

/// Whether a folder looks like one of BrainMetShare's studies with annotation: `0` or another sequence, and
/// `seg`.
bool is_brainmetshare(const std::filesystem::path& folder);

/// One study of BrainMetShare (Stanford; Groevik 2020): the folders `0` BRAVO, `1` CUBE pre, `2` CUBE post,
/// `3` FLAIR and `seg` hold one grey PNG a slice, named by its number. Co-registered, axial; pixels of 0.94
/// mm, slices 1 mm apart, which the files do not say. Their order is taken as given, the first as the lowest.
/// Throws Error(bad_input) that names the folder or file.
AnnotatedStudy read_brainmetshare(const std::filesystem::path& folder);

}  // namespace metserve::models
