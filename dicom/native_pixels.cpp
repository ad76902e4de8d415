#include "dicom/native_pixels.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicom/error.h"

namespace metserve::dicom {

static_assert(std::endian::native == std::endian::little, "pixel data is read as it lies in the file");

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(Error::Kind::io, path.string() + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

ReadOnlyFile::ReadOnlyFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail(path_, "cannot be opened");
}

ReadOnlyFile::~ReadOnlyFile() {
  close(descriptor_);
}

FileStamp ReadOnlyFile::stamp() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail(path_, "cannot be examined");
  return {static_cast<std::uint64_t>(status.st_size), status.st_ino,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

void ReadOnlyFile::read(std::uint64_t offset, std::span<std::uint8_t> to) const {
  while (!to.empty()) {
    const ssize_t got = pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "cannot be read");
    if (got == 0) throw Error(Error::Kind::io, path_.string() + ": ends before its time");
    offset += static_cast<std::uint64_t>(got);
    to = to.subspan(static_cast<std::size_t>(got));
  }
}

const std::uint8_t* read_native(const NativePixels& pixels, const std::filesystem::path& path,
                                const std::string& name, std::vector<std::uint16_t>& scratch) {
  pixels.format.check(name);
  pixels.format.check_amount(pixels.bytes, name);
  scratch.resize((pixels.bytes + 1) / 2);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(scratch.data());
  try {
    const ReadOnlyFile file(path);
    if (file.stamp() != pixels.stamp)
      throw Error(Error::Kind::io, path.string() + ": was changed while its study was being read");
    file.read(pixels.offset, {bytes, pixels.bytes});
  } catch (const Error& error) {
    throw Error(error.kind(), name + ": " + error.what());
  }
  return bytes;
}

}  // namespace metserve::dicom
