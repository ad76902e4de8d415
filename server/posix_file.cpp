#include "server/posix_file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "server/error.h"

namespace metserve::server {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* what) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT || code == EMFILE || code == ENFILE;
  throw Error(full ? Error::Kind::out_of_resources : Error::Kind::io,
              file.string() + ": cannot be " + what + ": " + std::generic_category().message(code));
}

}  // namespace

FileDescriptor::FileDescriptor(const std::filesystem::path& file, int flags)
    : file_(file), descriptor_(open(file.c_str(), flags | O_CLOEXEC, 0640)) {
  if (descriptor_ < 0) fail(file, "opened");
}

FileDescriptor::~FileDescriptor() {
  close(descriptor_);
}

void FileDescriptor::write(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(file_, "written");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void FileDescriptor::sync() {
  if (fsync(descriptor_) != 0) fail(file_, "forced to the disk");
}

void write_durably(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  FileDescriptor descriptor(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  try {
    descriptor.write(bytes);
    descriptor.sync();
  } catch (const Error&) {
    unlink(file.c_str());
    throw;
  }
}

void sync_directory(const std::filesystem::path& directory) {
  FileDescriptor(directory, O_RDONLY | O_DIRECTORY).sync();
}

void sync_tree(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_directory()) {
      sync_tree(entry.path());
    } else {
      FileDescriptor(entry.path(), O_RDONLY | O_NOFOLLOW).sync();
    }
  }
  sync_directory(directory);
}

}  // namespace metserve::server
