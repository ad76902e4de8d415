#include "server/progress.h"

#include <algorithm>
#include <cstdio>

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "server/times.h"

namespace metserve::server {
namespace {

constexpr std::chrono::milliseconds shown_every{200};
constexpr const char* clear_line = "\r\x1b[K";

}  // namespace

std::string progress_line(const std::string& label, double share, std::chrono::duration<double> elapsed) {
  constexpr double enough = 0.01;
  const double done = std::clamp(share, 0.0, 1.0);
  std::string line = fmt::format("{}  {:.0f} %", label, 100 * done);
  if (done < enough) return line;
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(elapsed * (1 - done) / done);
  return line + "  " + in_words(left) + " left";
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0), start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  if (terminal_) std::fputs(clear_line, stderr);
}

void Progress::update(const std::string& label, double share) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - shown_ < shown_every) return;
  shown_ = now;
  std::fprintf(stderr, "%s%s", clear_line, progress_line(label, share, now - start_).c_str());
  std::fflush(stderr);
}

}  // namespace metserve::server
