#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/config.h"

namespace spdlog {
class logger;
}

namespace metserve::server {

/// The server's log. A line carries the study's key where it is about a study, and never a patient's name or
/// ID. Thread safety: all members from any thread.
class Log {
 public:
  /// Throws Error(io) naming a log file that cannot be written.
  explicit Log(const LogConfig& config);
  ~Log();

  /// `study`: its key, or empty.
  void write(LogLevel level, std::string_view message, std::string_view study = {}) const;
  void debug(std::string_view message, std::string_view study = {}) const {
    write(LogLevel::debug, message, study);
  }
  void info(std::string_view message, std::string_view study = {}) const {
    write(LogLevel::info, message, study);
  }
  void warning(std::string_view message, std::string_view study = {}) const {
    write(LogLevel::warning, message, study);
  }
  void error(std::string_view message, std::string_view study = {}) const {
    write(LogLevel::error, message, study);
  }

 private:
  LogFormat format_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace metserve::server
