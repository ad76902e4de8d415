#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace metserve::models {

/// The files of a directory whose names end with one of `endings` (with the dot), in name order. `what` says
/// what they should be. Throws Error(io) when it cannot be read, Error(bad_input) when there are none.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory,
                                            const std::vector<std::string>& endings, const std::string& what);

/// The folders in a directory, in name order. `what` says what each should be. Throws likewise.
std::vector<std::filesystem::path> folders_in(const std::filesystem::path& directory,
                                              const std::string& what);

}  // namespace metserve::models
