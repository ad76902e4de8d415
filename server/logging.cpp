#include "server/logging.h"

#include <array>
#include <chrono>

#include <nlohmann/json.hpp>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "server/error.h"
#include "server/times.h"

namespace metserve::server {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  constexpr std::array<spdlog::level::level_enum, 4> levels{spdlog::level::debug, spdlog::level::info,
                                                            spdlog::level::warn, spdlog::level::err};
  return levels.at(static_cast<std::size_t>(level));
}

std::string_view name_of(LogLevel level) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names.at(static_cast<std::size_t>(level));
}

spdlog::sink_ptr make_sink(const LogConfig& config) {
  if (!config.file) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file->string());
  } catch (const spdlog::spdlog_ex& error) {
    throw Error(Error::Kind::io, config.file->string() + ": the log cannot be written: " + error.what());
  }
}

/// What a peer sends may end up in a message; a line of the log stays one line.
std::string one_line(std::string_view message) {
  std::string line(message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  return line;
}

}  // namespace

Log::Log(const LogConfig& config)
    : format_(config.format), logger_(std::make_shared<spdlog::logger>("metserve", make_sink(config))) {
  logger_->set_pattern(config.format == LogFormat::json ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %v");
  logger_->set_level(level_of(config.level));
  logger_->flush_on(spdlog::level::trace);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message, std::string_view study) const {
  if (!logger_->should_log(level_of(level))) return;
  if (format_ == LogFormat::text) {
    const std::string key = study.empty() ? "" : " study=" + std::string(study);
    logger_->log(level_of(level), "{}{} {}", name_of(level), key, one_line(message));
    return;
  }
  nlohmann::ordered_json line{{"time", iso_time(std::chrono::system_clock::now())},
                              {"level", name_of(level)},
                              {"message", one_line(message)}};
  if (!study.empty()) line["study"] = study;
  logger_->log(level_of(level), "{}",
               line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace metserve::server
