#pragma once

#include <string>

namespace metserve::models {

/// What the papers report, as HTML tables to stand beside our figures, never among them.
/// Groevik 2021 (A) and 2020 (C): voxel figures; Yi 2019 (B): lesions.
std::string papers_tables();

}  // namespace metserve::models
