#pragma once

#include <filesystem>
#include <string>

namespace metserve::models {

/// Lower-case hexadecimal SHA-256 of a file's bytes. Throws Error(io) when it cannot be read.
std::string sha256_of(const std::filesystem::path& file);

}  // namespace metserve::models
