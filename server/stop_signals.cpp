#include "server/stop_signals.h"

#include <csignal>

#include <pthread.h>

namespace metserve::server {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void StopSignals::wait(const std::function<bool()>& or_when, const std::function<void()>& on_hangup) const {
  const sigset_t set = stop_set();
  const timespec half_a_second{0, 500'000'000};
  while (!or_when()) {
    const int signal = sigtimedwait(&set, nullptr, &half_a_second);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) on_hangup();
  }
}

}  // namespace metserve::server
