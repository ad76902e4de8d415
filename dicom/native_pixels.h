#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dicom/pixel_format.h"

namespace metserve::dicom {

/// Tells whether a file is still the one that it was.
struct FileStamp {
  std::uint64_t bytes = 0, inode = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

/// A file open for reading.
class ReadOnlyFile {
 public:
  /// Throws Error(io).
  explicit ReadOnlyFile(std::filesystem::path path);
  ~ReadOnlyFile();
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  FileStamp stamp() const;
  /// Fills `to` from byte `offset` on. Throws Error(io) when the file ends before.
  void read(std::uint64_t offset, std::span<std::uint8_t> to) const;

 private:
  std::filesystem::path path_;
  int descriptor_;
};

/// Where a file holds uncompressed little-endian pixel data, noted when its header was read.
struct NativePixels {
  std::uint64_t offset = 0, bytes = 0;  ///< of the value, within the file
  PixelFormat format;
  FileStamp stamp;
};

/// The stored values as bytes, aligned for words of 16 bits; `scratch` takes them and can be used again.
/// Throws Error, `name` first, as PixelFormat::check does, and Error(io) when the file is gone or was changed
/// since.
const std::uint8_t* read_native(const NativePixels& pixels, const std::filesystem::path& path,
                                const std::string& name, std::vector<std::uint16_t>& scratch);

}  // namespace metserve::dicom
