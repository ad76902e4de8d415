#include "models/directory.h"

#include <algorithm>

#include "models/error.h"

namespace metserve::models {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory,
                                            const std::vector<std::string>& endings,
                                            const std::string& what) {
  std::error_code failure;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    const std::string name = entry.path().filename().string();
    if (std::any_of(endings.begin(), endings.end(), [&](const std::string& e) { return name.ends_with(e); }))
      files.push_back(entry.path());
  }
  if (failure) throw Error(Error::Kind::io, directory.string() + ": cannot be read: " + failure.message());
  if (files.empty()) {
    std::string wanted;
    for (const std::string& ending : endings) wanted += (wanted.empty() ? "*" : ", *") + ending;
    throw Error(Error::Kind::bad_input, directory.string() + ": holds no " + what + " (" + wanted + ")");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace metserve::models
