#include "models/directory.h"

#include <algorithm>

#include "models/error.h"

namespace metserve::models {
namespace {

/// In name order.
template <typename Wanted>
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory, const Wanted& wanted) {
  std::error_code failure;
  std::vector<std::filesystem::path> entries;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure))
    if (wanted(entry)) entries.push_back(entry.path());
  if (failure) throw Error(Error::Kind::io, directory.string() + ": cannot be read: " + failure.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory,
                                            const std::vector<std::string>& endings,
                                            const std::string& what) {
  const auto files = entries_of(directory, [&](const std::filesystem::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return std::any_of(endings.begin(), endings.end(),
                       [&](const std::string& ending) { return name.ends_with(ending); });
  });
  if (files.empty()) {
    std::string wanted;
    for (const std::string& ending : endings) wanted += (wanted.empty() ? "*" : ", *") + ending;
    throw Error(Error::Kind::bad_input, directory.string() + ": holds no " + what + " (" + wanted + ")");
  }
  return files;
}

std::vector<std::filesystem::path> folders_in(const std::filesystem::path& directory,
                                              const std::string& what) {
  const auto folders = entries_of(
      directory, [](const std::filesystem::directory_entry& entry) { return entry.is_directory(); });
  if (folders.empty())
    throw Error(Error::Kind::bad_input, directory.string() + ": holds no folder that is a " + what);
  return folders;
}

}  // namespace metserve::models
