#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace metserve::server {

/// A file descriptor that is closed when it goes. Thread safety: none.
class FileDescriptor {
 public:
  /// Opens with O_CLOEXEC added; new files are readable by user and group. Throws Error(io), or
  /// Error(out_of_resources) for a full disk, naming the file.
  FileDescriptor(const std::filesystem::path& file, int flags);
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return descriptor_; }
  void write(std::span<const std::uint8_t> bytes);
  void write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes);
  /// The same of two parts, one behind the other.
  void write_at(std::uint64_t offset, std::span<const std::uint8_t> head, std::span<const std::uint8_t> rest);
  /// Returns how many bytes there were: fewer at the end of the file.
  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> bytes) const;
  std::uint64_t size() const;
  void resize(std::uint64_t bytes);
  // A failed sync is final (final_failure.h): it throws Error(io) for a full disk as well.
  void sync();              ///< bytes, size and times
  void sync_data();         ///< bytes, and what is needed to read them
  void sync_file_system();  ///< all that was written to the file system that the file is on
  void uncache() const;     ///< lets the system forget what is on the disk as well; a hint

 private:
  std::filesystem::path file_;
  int descriptor_;
};

/// Writes a file that was not there and forces its bytes to the disk; the directory entry is the caller's to
/// sync. Leaves nothing behind when it throws.
void write_durably(const std::filesystem::path& file, std::span<const std::uint8_t> bytes);

/// What this process makes from now on others than user and group can neither read nor write, whatever it is
/// started with: for commands that write patients' data.
void hide_new_files_from_others();

/// Forces the entries of a directory to the disk.
void sync_directory(const std::filesystem::path& directory);

/// Forces every file and directory below `directory`, and itself, to the disk.
void sync_tree(const std::filesystem::path& directory);

}  // namespace metserve::server
