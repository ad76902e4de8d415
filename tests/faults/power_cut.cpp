// LD_PRELOAD layer that remembers what a power cut would leave of one directory: bytes survive only by fsync
// of their file, names only by fsync of their folder. power_cut.py puts that state in place after the process
// was killed.
//
// In $POWER_CUT_SHADOW it keeps, by inode and time of birth:
//   start        when the process began: what is older is on the disk already
//   files/KEY    the bytes of a file as last synced
//   kept/KEY     a link to an older file whose last name was taken away
//   folders/KEY  the names in a folder as last synced, one "KEY TYPE NAME" a line

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

const std::string directory = environment("POWER_CUT_DIRECTORY"), shadow = environment("POWER_CUT_SHADOW");

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock of file systems
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

const std::int64_t started_ns = now_ns();

/// One at a time, so that a snapshot is of one moment.
std::recursive_mutex& mutex() {
  static std::recursive_mutex one;
  return one;
}

struct Identity {
  bool known = false, folder = false, old = false;
  std::string key;
};

Identity identity_of(int folder, const char* path, int flags) {
  struct statx status {};
  if (::statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) return {};
  const std::int64_t birth = status.stx_btime.tv_sec * 1'000'000'000LL + status.stx_btime.tv_nsec;
  return {.known = S_ISREG(status.stx_mode) || S_ISDIR(status.stx_mode),
          .folder = S_ISDIR(status.stx_mode),
          .old = birth < started_ns,
          .key = std::to_string(status.stx_ino) + "-" + std::to_string(birth)};
}

bool below(const std::string& path) {
  return !directory.empty() && path.starts_with(directory);
}

std::string path_of(int descriptor) {
  char path[4096];
  const auto size = ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

std::string full_path(int folder, const char* path) {
  if (path[0] == '/' || folder == AT_FDCWD) return path;
  return path_of(folder) + "/" + path;
}

void write_whole(const std::string& file, const std::string& bytes) {
  const std::string part = file + ".part";
  const int to =
      real<int (*)(const char*, int, ...)>("open")(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (real<ssize_t (*)(int, const void*, std::size_t)>("write")(to, bytes.data(), bytes.size()) < 0)
    std::abort();
  ::close(to);
  real<int (*)(const char*, const char*)>("rename")(part.c_str(), file.c_str());
}

/// The names in a folder; `all`: those too that came since the start.
void keep_names(const std::string& folder, const std::string& key, bool all) {
  std::string listing;
  DIR* open = ::opendir(folder.c_str());
  if (open == nullptr) return;
  while (const dirent* entry = ::readdir(open)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const Identity id = identity_of(AT_FDCWD, (folder + "/" + name).c_str(), AT_SYMLINK_NOFOLLOW);
    if (id.known && (all || id.old)) listing += id.key + (id.folder ? " d " : " f ") + name + "\n";
  }
  ::closedir(open);
  write_whole(shadow + "/folders/" + key, listing);
}

bool exists(const std::string& file) {
  return ::access(file.c_str(), F_OK) == 0;
}

/// First and last byte written since the last sync, by key. What is written past this layer (by stdio, say)
/// is not here: those files are kept whole.
std::map<std::string, std::pair<off_t, off_t>>& written() {
  static std::map<std::string, std::pair<off_t, off_t>> ranges;
  return ranges;
}

/// The bytes from `at` on, at most `count`, to the same place in `to`. A copy that fails would look like data
/// that the program never synced.
void copy_bytes(int from, int to, off_t at, off_t count) {
  off_t there = at;
  const off_t end = at + count;
  while (at < end) {
    const ssize_t done = ::copy_file_range(from, &at, to, &there, static_cast<std::size_t>(end - at), 0);
    if (done == 0) return;  // the file ends
    if (done < 0 && errno != EINTR) {
      std::perror("power_cut: copy_file_range");
      std::abort();
    }
  }
}

/// Brings the kept bytes up to date where they are known to differ; false where that is not known.
bool keep_range(int from, const std::string& key) {
  const auto range = written().find(key);
  const int to = real<int (*)(const char*, int, ...)>("open")((shadow + "/files/" + key).c_str(), O_WRONLY);
  if (to < 0 || range == written().end()) {
    if (to >= 0) ::close(to);
    return false;
  }
  copy_bytes(from, to, range->second.first, range->second.second - range->second.first);
  struct stat status {};
  if (::fstat(from, &status) != 0 || ::ftruncate(to, status.st_size) != 0) std::abort();
  ::close(to);
  return true;
}

/// The bytes of an open file, as they are now.
void keep_bytes(int descriptor, const std::string& key) {
  const int from = real<int (*)(const char*, int, ...)>("open")(
      ("/proc/self/fd/" + std::to_string(descriptor)).c_str(), O_RDONLY | O_CLOEXEC);
  if (!keep_range(from, key)) {
    const std::string file = shadow + "/files/" + key, part = file + ".part";
    const int to =
        real<int (*)(const char*, int, ...)>("open")(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    copy_bytes(from, to, 0, off_t{1} << 40);
    ::close(to);
    real<int (*)(const char*, const char*)>("rename")(part.c_str(), file.c_str());
  }
  ::close(from);
  written().erase(key);
}

/// An older file is on the disk as it is, until it is written to.
void before_writing(const std::string& path) {
  const Identity id = identity_of(AT_FDCWD, path.c_str(), 0);
  if (!id.known || id.folder || !id.old || exists(shadow + "/files/" + id.key)) return;
  const int descriptor = real<int (*)(const char*, int, ...)>("open")(path.c_str(), O_RDONLY | O_CLOEXEC);
  keep_bytes(descriptor, id.key);
  ::close(descriptor);
}

/// A name goes: on the disk it stays until its folder is synced, and so does what it names.
void before_removing(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  const Identity parent = identity_of(AT_FDCWD, folder.c_str(), 0);
  if (parent.known && parent.old && !exists(shadow + "/folders/" + parent.key))
    keep_names(folder, parent.key, false);
  const Identity id = identity_of(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
  if (id.known && !id.folder) {
    real<int (*)(const char*, const char*)>("link")(path.c_str(), (shadow + "/kept/" + id.key).c_str());
  } else if (id.known && id.old && !exists(shadow + "/folders/" + id.key)) {
    keep_names(path, id.key, false);
  }
}

void sync(int descriptor) {
  const std::string path = path_of(descriptor);
  if (!below(path)) return;
  const std::scoped_lock lock(mutex());
  const Identity id = identity_of(descriptor, "", AT_EMPTY_PATH);
  if (id.folder) {
    keep_names(path, id.key, true);
  } else if (id.known) {
    keep_bytes(descriptor, id.key);
  }
}

void note_written(int descriptor, off_t at, ssize_t bytes) {
  if (directory.empty() || bytes <= 0 || !below(path_of(descriptor))) return;
  const std::scoped_lock lock(mutex());
  const auto [range, added] =
      written().try_emplace(identity_of(descriptor, "", AT_EMPTY_PATH).key, at, at + bytes);
  range->second = {std::min(range->second.first, at), std::max(range->second.second, at + bytes)};
}

/// What a sync of the whole file system covers, as far as it is below the directory.
void sync_tree(const std::string& path) {
  const int descriptor = real<int (*)(const char*, int, ...)>("open")(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  const Identity id = identity_of(descriptor, "", AT_EMPTY_PATH);
  const bool changed = !id.old || written().contains(id.key) || exists(shadow + "/files/" + id.key);
  if (id.folder || changed) sync(descriptor);
  ::close(descriptor);
  if (!id.folder) return;
  DIR* open = ::opendir(path.c_str());
  while (const dirent* entry = ::readdir(open)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") sync_tree(path + "/" + name);
  }
  ::closedir(open);
}

struct Start {
  Start() {
    if (!shadow.empty()) write_whole(shadow + "/start", std::to_string(started_ns));
  }
} const start;

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

int opened(int folder, const char* path, int flags, mode_t mode) {
  const std::string full = full_path(folder, path);
  if (below(full) && (flags & O_ACCMODE) != O_RDONLY) {
    const std::scoped_lock lock(mutex());
    before_writing(full);
  }
  return real<int (*)(int, const char*, int, ...)>("openat")(folder, path, flags, mode);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return opened(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return opened(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return opened(folder, path, flags, mode);
}

int fsync(int descriptor) {
  sync(descriptor);
  return 0;
}

int fdatasync(int descriptor) {
  sync(descriptor);
  return 0;
}

int syncfs(int) noexcept {
  const std::scoped_lock lock(mutex());
  sync_tree(directory);
  return 0;
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  const ssize_t done = real<ssize_t (*)(int, const void*, std::size_t)>("write")(descriptor, bytes, count);
  if (!directory.empty() && done > 0) note_written(descriptor, ::lseek(descriptor, 0, SEEK_CUR) - done, done);
  return done;
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t at) {
  const ssize_t done =
      real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite")(descriptor, bytes, count, at);
  note_written(descriptor, at, done);
  return done;
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t count, off_t at) {
  return pwrite(descriptor, bytes, count, at);
}

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t at) {
  const ssize_t done =
      real<ssize_t (*)(int, const iovec*, int, off_t)>("pwritev")(descriptor, parts, count, at);
  note_written(descriptor, at, done);
  return done;
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  const ssize_t done = real<ssize_t (*)(int, const iovec*, int)>("writev")(descriptor, parts, count);
  if (!directory.empty() && done > 0) note_written(descriptor, ::lseek(descriptor, 0, SEEK_CUR) - done, done);
  return done;
}

int rename(const char* from, const char* to) {
  const std::scoped_lock lock(mutex());
  if (below(from)) before_removing(from);
  if (below(to) && exists(to)) before_removing(to);
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  const std::scoped_lock lock(mutex());
  const std::string full_from = full_path(from_folder, from), full_to = full_path(to_folder, to);
  if (below(full_from)) before_removing(full_from);
  if (below(full_to) && exists(full_to)) before_removing(full_to);
  return real<int (*)(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from,
                                                                                  to_folder, to, flags);
}

int unlink(const char* path) noexcept {
  const std::scoped_lock lock(mutex());
  if (below(path)) before_removing(path);
  return real<int (*)(const char*)>("unlink")(path);
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  const std::scoped_lock lock(mutex());
  const std::string full = full_path(folder, path);
  if (below(full)) before_removing(full);
  return real<int (*)(int, const char*, int)>("unlinkat")(folder, path, flags);
}

int remove(const char* path) noexcept {
  const std::scoped_lock lock(mutex());
  if (below(path)) before_removing(path);
  return real<int (*)(const char*)>("remove")(path);
}
}
