#include "server/storage.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <random>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include "server/error.h"
#include "server/hash.h"

namespace metserve::server {
namespace fs = std::filesystem;
namespace {

constexpr std::array<const char*, 4> folders{"journal", "images", "results", "trash"};

void make_folders(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  for (const char* folder : folders) {
    if (!error) fs::create_directory(directory / folder, error);
  }
  if (error) {
    throw Error(Error::Kind::io, directory.string() + ": cannot be made or written (" + error.message() +
                                     "); give it to the user that the server runs as");
  }
}

void clear(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry.path());
}

/// The node's name is its own, not the host's: a container gets a new host name at each start.
std::string read_or_make_node(const fs::path& file) {
  std::string name;
  std::getline(std::ifstream(file), name);
  if (!name.empty()) return name;
  std::random_device random;
  name = "node-" + sha256_hex(std::to_string(random()) + "." + std::to_string(random())).substr(0, 12);
  const std::string line = name + "\n";
  FileDescriptor descriptor(file, O_WRONLY | O_CREAT | O_TRUNC);
  descriptor.write(std::span(reinterpret_cast<const std::uint8_t*>(line.data()), line.size()));
  descriptor.sync();
  return name;
}

std::unique_ptr<FileDescriptor> take_lock(const fs::path& directory) {
  auto lock = std::make_unique<FileDescriptor>(directory / "lock", O_RDWR | O_CREAT);
  if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    throw Error(Error::Kind::io,
                directory.string() + ": another server runs on this directory; stop it first");
  }
  return lock;
}

}  // namespace

Storage::Storage(const fs::path& directory, std::uint64_t min_free_bytes)
    : directory_(directory), min_free_bytes_(min_free_bytes) {
  make_folders(directory_);
  lock_ = take_lock(directory_);
  images_ = std::make_unique<FileDescriptor>(directory_ / "images", O_RDONLY | O_DIRECTORY);
  clear(directory_ / "trash");
  node_ = read_or_make_node(directory_ / "node");
  sync_directory(directory_);
}

std::uint64_t Storage::free_bytes() const {
  struct statvfs status {};
  if (statvfs(directory_.c_str(), &status) != 0) {
    throw Error(Error::Kind::io, directory_.string() + ": its free space cannot be read: " +
                                     std::generic_category().message(errno));
  }
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

void Storage::require_space(std::uint64_t bytes) const {
  const std::uint64_t free = free_bytes();
  if (free >= bytes && free - bytes >= min_free_bytes_) return;
  throw Error(Error::Kind::out_of_resources, directory_.string() + ": " + std::to_string(free >> 20) +
                                                 " MiB free, storage.min_free_mib is " +
                                                 std::to_string(min_free_bytes_ >> 20) +
                                                 ": make room or shorten storage.retention_days");
}

void Storage::sync_images() {
  images_->sync_file_system();
}

fs::path Storage::make_result_directory(const std::string& key, std::int64_t revision) {
  fs::path result = fs::path("results") / key / std::to_string(revision);
  fs::remove_all(directory_ / result);
  fs::create_directories(directory_ / result);
  return result;
}

void Storage::sync_result(const fs::path& result) const {
  sync_tree(directory_ / result);
  sync_directory((directory_ / result).parent_path());
  sync_directory(directory_ / "results");
}

void Storage::move_to_trash(const std::string& key) {
  for (const char* folder : {"images", "results"}) {
    const fs::path there = directory_ / folder / key;
    if (!fs::exists(there)) continue;
    fs::rename(there, directory_ / "trash" / std::to_string(counter_.fetch_add(1)));
  }
}

void Storage::empty_trash() {
  clear(directory_ / "trash");
}

void Storage::discard_unknown(const std::vector<std::string>& known_keys) {
  const std::set<std::string> known(known_keys.begin(), known_keys.end());
  std::set<std::string> found;
  for (const char* folder : {"images", "results"}) {
    for (const auto& entry : fs::directory_iterator(directory_ / folder)) {
      found.insert(entry.path().filename().string());
    }
  }
  for (const std::string& key : found) {
    if (!known.contains(key)) move_to_trash(key);
  }
  empty_trash();
}

}  // namespace metserve::server
