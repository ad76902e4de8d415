// LD_PRELOAD layer for a machine on a bad day. It reads, at every call, what $BAD_DAY_FILE says:
//   clock SECONDS    the system clock is so much ahead (or, negative, behind)
//   full PERCENT     so many of the writes and new files below $BAD_DAY_DIRECTORY find the disk full
//   sync [ERRNO]     syncing a file there fails with this error, EIO without

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

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

struct Fault {
  char name[16] = {};
  long value = 0;
  bool is(const char* what) const { return std::string(name) == what; }
};

Fault fault() {
  static const char* const file = std::getenv("BAD_DAY_FILE");
  static const auto open_real = real<int (*)(const char*, int, ...)>("open");
  Fault now;
  const int saved = errno;
  char text[64] = {};
  const int descriptor = file == nullptr ? -1 : open_real(file, O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) {
    if (::read(descriptor, text, sizeof text - 1) > 0) std::sscanf(text, "%15s %ld", now.name, &now.value);
    ::close(descriptor);
  }
  errno = saved;
  return now;
}

bool concerns(const std::string& path) {
  static const char* const directory = std::getenv("BAD_DAY_DIRECTORY");
  return directory != nullptr && path.starts_with(directory);
}

bool concerns(int descriptor) {
  char path[4096];
  const auto size = ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path, sizeof path);
  return size > 0 && concerns(std::string(path, static_cast<std::size_t>(size)));
}

/// Whether this call finds the disk full.
template <class Where>
bool full(const Where& where) {
  const Fault now = fault();
  if (!now.is("full") || !concerns(where)) return false;
  static thread_local unsigned seed = static_cast<unsigned>(::gettid());
  if (::rand_r(&seed) % 100 >= now.value) return false;
  errno = ENOSPC;
  return true;
}

bool sync_fails(int descriptor) {
  const Fault now = fault();
  if (!now.is("sync") || !concerns(descriptor)) return false;
  errno = now.value == 0 ? EIO : static_cast<int>(now.value);
  return true;
}

int opened(const char* name, const char* path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && ::access(path, F_OK) != 0 && full(std::string(path))) return -1;
  return real<int (*)(const char*, int, ...)>(name)(path, flags, mode);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = static_cast<mode_t>((flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0);
  va_end(arguments);
  return opened("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = static_cast<mode_t>((flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0);
  va_end(arguments);
  return opened("open64", path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  if (full(descriptor)) return -1;
  return real<ssize_t (*)(int, const void*, std::size_t)>("write")(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t at) {
  if (full(descriptor)) return -1;
  return real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite")(descriptor, bytes, count, at);
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t count, off_t at) {
  return pwrite(descriptor, bytes, count, at);
}

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t at) {
  if (full(descriptor)) return -1;
  return real<ssize_t (*)(int, const iovec*, int, off_t)>("pwritev")(descriptor, parts, count, at);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (full(std::string(path))) return -1;
  return real<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

int fsync(int descriptor) {
  return sync_fails(descriptor) ? -1 : real<int (*)(int)>("fsync")(descriptor);
}

int fdatasync(int descriptor) {
  return sync_fails(descriptor) ? -1 : real<int (*)(int)>("fdatasync")(descriptor);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = real<int (*)(clockid_t, timespec*)>("clock_gettime")(clock, time);
  if (clock == CLOCK_REALTIME) {
    if (const Fault now = fault(); now.is("clock")) time->tv_sec += now.value;
  }
  return result;
}
}
