#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace metserve::dicom::test {

struct ProgramResult {
  int status = -1;
  std::string output;  ///< stdout and stderr
};

/// Runs a program of the search path to its end, at most 20 s.
ProgramResult run_program(const std::vector<std::string>& command);

/// A program of the search path that runs in the background and listens on `port`; killed on destruction.
class RunningProgram {
 public:
  /// Waits at most `patience_s` seconds until it listens.
  RunningProgram(const std::vector<std::string>& command, std::uint16_t port, int patience_s);
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_;
  pid_t process_ = -1;
};

/// DCMTK's storescp on a free port, storing below `directory`.
class StoreScpProgram {
 public:
  StoreScpProgram(const std::filesystem::path& directory, const std::vector<std::string>& options);
  std::uint16_t port() const { return program_->port(); }

 private:
  std::unique_ptr<RunningProgram> program_;
};

/// A port that nothing listened on a moment ago.
std::uint16_t free_port();

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& file);

/// The bytes after preamble and file meta information.
std::vector<std::uint8_t> dataset_bytes(const std::vector<std::uint8_t>& part10);

}  // namespace metserve::dicom::test
