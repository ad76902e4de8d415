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
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

constexpr std::array<const char*, 2> studies_folders{"images", "results"};

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  return entries;
}

bool is_key(const std::string& text) {
  return text.size() == study_key("").size() &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string name_of(uid_t user) {
  const passwd* const entry = getpwuid(user);
  return entry == nullptr ? "#" + std::to_string(user) : entry->pw_name;
}

/// What another user writes here, root above all, the server's own could not write any more. The database is
/// what tells who that is: a volume's own folder may be root's.
void require_own(const fs::path& database) {
  struct stat status {};
  if (stat(database.c_str(), &status) != 0 || status.st_uid == geteuid()) return;
  const std::string owner = name_of(status.st_uid);
  throw Error(Error::Kind::bad_call, database.parent_path().string() + ": belongs to user " + owner +
                                         " and this command runs as " + name_of(geteuid()) +
                                         ": run it as that user, e.g. with sudo -u " + owner +
                                         " (docs/operations.md, Commands as the server's user)");
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

[[noreturn]] void fail_to_remove(const fs::path& files, const std::error_code& error) {
  throw Error(Error::Kind::io, files.string() + ": cannot be removed, though its study is deleted (" +
                                   error.message() + "); the next start tries again");
}

}  // namespace

Storage::Storage(const fs::path& directory, std::uint64_t min_free_bytes)
    : directory_(directory), min_free_bytes_(min_free_bytes) {
  require_own(database_file());
  make_folders(directory_);
  lock_ = take_lock(directory_);
  images_ = std::make_unique<FileDescriptor>(directory_ / "images", O_RDONLY | O_DIRECTORY);
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

Storage::Trash::Trash(const fs::path& directory, const std::string& key) : directory_(directory) {
  if (!is_key(key)) throw Error(Error::Kind::not_found, "there is no study with the key '" + key + "'");
  int count = 0;
  do {
    folder_ = directory / "trash" / (key + "." + std::to_string(count++));
  } while (!fs::create_directory(folder_));
  sync_directory(folder_.parent_path());
}

Storage::Trash::~Trash() {
  std::error_code next_start_removes_it;
  if (!taking_) fs::remove(folder_, next_start_removes_it);
}

void Storage::Trash::take(const std::string& key) {
  taking_ = true;
  for (const char* folder : studies_folders) {
    std::error_code error;
    const fs::path there = directory_ / folder / key;
    if (fs::exists(there)) fs::rename(there, folder_ / folder, error);
    if (error) fail_to_remove(there, error);
  }
}

void Storage::Trash::remove() {
  std::error_code error;
  fs::remove_all(folder_, error);
  if (error) fail_to_remove(folder_, error);
}

std::size_t Storage::settle(const std::vector<std::string>& known_keys) {
  const std::set<std::string> known(known_keys.begin(), known_keys.end());
  std::set<std::string> deleted, lost;
  for (const fs::path& folder : entries_of(directory_ / "trash")) deleted.insert(folder.stem());
  for (const char* folder : studies_folders) {
    for (const fs::path& files : entries_of(directory_ / folder)) {
      const std::string key = files.filename();
      if (known.contains(key)) continue;
      if (deleted.contains(key) || fs::is_empty(files)) {
        fs::remove_all(files);
      } else {
        set_aside(files);
        lost.insert(key);
      }
    }
  }
  for (const fs::path& folder : entries_of(directory_ / "trash")) fs::remove_all(folder);
  return lost.size();
}

/// What was lost before under the same key stays as it is.
void Storage::set_aside(const fs::path& files) const {
  const fs::path folder = lost_directory() / files.parent_path().filename();
  fs::create_directories(folder);
  fs::path there = folder / files.filename();
  for (int count = 1; fs::exists(there); ++count)
    there = folder / (files.filename().string() + "." + std::to_string(count));
  fs::rename(files, there);
}

}  // namespace metserve::server
