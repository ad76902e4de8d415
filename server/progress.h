#pragma once

#include <chrono>
#include <string>

namespace metserve::server {

/// "segmenting  42 %  1 min 03 s left" ; the time is left out while little is done or nothing is known.
/// `share`: 0..1.
std::string progress_line(const std::string& label, double share, std::chrono::duration<double> elapsed);

/// One line on standard error that is kept up to date while somebody looks; silent when standard error is no
/// terminal. Thread safety: one thread.
class Progress {
 public:
  Progress();
  ~Progress();  ///< clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `label`: what is being done. `share` of all the work that is done, 0..1.
  void update(const std::string& label, double share);

 private:
  bool terminal_;
  std::chrono::steady_clock::time_point start_, shown_;
};

}  // namespace metserve::server
