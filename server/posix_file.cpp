#include "server/posix_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "server/error.h"
#include "server/error_table.h"

namespace metserve::server {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* what) {
  const std::error_code code(errno, std::generic_category());
  throw Error(is_shortage(code) ? Error::Kind::out_of_resources : Error::Kind::io,
              file.string() + ": cannot be " + what + ": " + code.message());
}

/// Of a full disk, too: what the kernel could not write it may have dropped, and room made later brings
/// nothing back.
[[noreturn]] void fail_to_sync(const std::filesystem::path& file) {
  throw Error(Error::Kind::io,
              file.string() + ": cannot be forced to the disk: " + std::generic_category().message(errno));
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

void FileDescriptor::write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(file_, "written");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void FileDescriptor::write_at(std::uint64_t offset, std::span<const std::uint8_t> head,
                              std::span<const std::uint8_t> rest) {
  const auto part = [](std::span<const std::uint8_t> bytes) {
    return iovec{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  };
  const std::array parts{part(head), part(rest)};
  const ssize_t count = pwritev(descriptor_, parts.data(), parts.size(), static_cast<off_t>(offset));
  if (count < 0 && errno != EINTR) fail(file_, "written");
  const auto done = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  const std::size_t done_of_head = std::min(done, head.size());
  write_at(offset + done_of_head, head.subspan(done_of_head));
  write_at(offset + std::max(done, head.size()), rest.subspan(done - done_of_head));
}

std::size_t FileDescriptor::read_at(std::uint64_t offset, std::span<std::uint8_t> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(file_, "read");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::uint64_t FileDescriptor::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail(file_, "looked at");
  return static_cast<std::uint64_t>(status.st_size);
}

void FileDescriptor::resize(std::uint64_t bytes) {
  if (ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) fail(file_, "made another size");
}

void FileDescriptor::sync() {
  if (fsync(descriptor_) != 0) fail_to_sync(file_);
}

void FileDescriptor::sync_data() {
  if (fdatasync(descriptor_) != 0) fail_to_sync(file_);
}

void FileDescriptor::sync_file_system() {
  if (syncfs(descriptor_) != 0) fail_to_sync(file_);
}

void FileDescriptor::uncache() const {
  posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);  // where it is not taken, nothing is lost
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

void hide_new_files_from_others() {
  constexpr mode_t hidden = 0027;
  umask(umask(hidden) | hidden);  // a stricter one stays
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
