#include "server/intact_images.h"

#include "server/error.h"
#include "server/hash.h"

namespace metserve::server {

std::vector<std::filesystem::path> intact_images(const std::vector<StoredImage>& images,
                                                 const Storage& storage,
                                                 const std::function<void()>& before_each) {
  std::vector<std::filesystem::path> files;
  for (const StoredImage& image : images) {
    if (before_each) before_each();
    const std::filesystem::path file = storage.directory() / image.file;
    const bool is_there = std::filesystem::exists(file);
    if (!is_there || !has_content(file, image.digest))
      throw Error(Error::Kind::io, file.string() + ": a stored image is " + (is_there ? "damaged" : "gone") +
                                       "; look after the disk, then run metserve check --contents");
    files.push_back(file);
  }
  return files;
}

}  // namespace metserve::server
