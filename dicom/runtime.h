#pragma once

#include <functional>
#include <string>

namespace metserve::dicom {

enum class LogLevel { debug, info, warning, error };

/// DCMTK's global state: dictionary, decoders and logger. One object, owned by `main` (and by the tests'
/// main), constructed before anything else of `dicom` and destroyed after it.
class Runtime {
 public:
  /// DCMTK's log lines go to `log`; may be called from any thread.
  explicit Runtime(std::function<void(LogLevel, const std::string&)> log = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
};

}  // namespace metserve::dicom
