#include "server/image_batch.h"

#include <fcntl.h>

#include "server/hash.h"

namespace metserve::server {
namespace fs = std::filesystem;

ImageBatch::ImageBatch(Storage& storage) : storage_(storage), hold_(storage.hold()) {}

fs::path ImageBatch::put(const InstanceRecord& image, std::span<const std::uint8_t> part10) {
  if (folder_.empty() || image.study_instance_uid != study_) {
    study_ = image.study_instance_uid;
    folder_ = fs::path("images") / study_key(study_);
    fs::create_directory(storage_.directory() / folder_);
  }
  fs::path file = folder_ / (sha256_hex(image.sop_instance_uid).substr(0, 24) + "-" +
                             image.digest.substr(0, 24) + ".dcm");
  written_.emplace_back(storage_.directory() / file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW).write(part10);
  return file;
}

void ImageBatch::sync() {
  if (written_.empty()) return;
  storage_.sync_images();
  for (const FileDescriptor& file : written_) file.uncache();
  written_.clear();
}

}  // namespace metserve::server
