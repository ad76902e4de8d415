#pragma once

#include <filesystem>
#include <optional>

namespace metserve::server {

/// Where a model is read from: the directory that was named, else the bundled model beside the program,
/// `<folder of the program>/../share/metserve/models/bundled`, installed or in a build tree alike. Throws
/// Error(bad_call) when neither is there.
std::filesystem::path model_directory(const std::optional<std::filesystem::path>& named);

}  // namespace metserve::server
