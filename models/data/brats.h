#pragma once

#include <filesystem>

#include "models/data/dataset.h"

namespace metserve::models {

/// Whether a folder looks like one of BraTS-METS's annotated studies: `*-t1c.nii.gz` or another image, and
/// `*-seg.nii.gz`.
bool is_brats(const std::filesystem::path& folder);

/// One study of BraTS-METS (Moawad 2023, arXiv 2306.00838): co-registered, skull-stripped NIfTI volumes. Of
/// the annotation, tumour core counts as lesion: what enhances (3) and what lies in it and does not (1);
/// oedema (2) and resection cavities (4) do not. `t1c` fills the slot named, `t1n` CUBE pre, `t2f` FLAIR;
/// `t2w` is not read. Throws Error(io) or Error(bad_input) that names the file.
AnnotatedStudy read_brats(const std::filesystem::path& folder, Slot t1c);

}  // namespace metserve::models
