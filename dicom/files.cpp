#include <algorithm>

#include "dicom/error.h"
#include "dicom/study.h"

namespace metserve::dicom {

std::vector<std::filesystem::path> list_files(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->is_regular_file(error)) files.push_back(entry->path());
  if (error) throw Error(Error::Kind::io, directory.string() + ": cannot be listed: " + error.message());
  if (files.empty()) throw Error(Error::Kind::io, directory.string() + ": no files there");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace metserve::dicom
