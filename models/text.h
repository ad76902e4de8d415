#pragma once

#include <filesystem>
#include <string>

namespace metserve::models {

/// As printf has it.
[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...);

/// Replaces the file's contents, by one rename. Throws Error(io).
void write_text(const std::string& text, const std::filesystem::path& file);

}  // namespace metserve::models
