#pragma once

#include <cstdint>
#include <filesystem>
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

/// DCMTK's storescp on a free port, storing below `directory`, killed on destruction.
class StoreScpProgram {
 public:
  StoreScpProgram(const std::filesystem::path& directory, const std::vector<std::string>& options);
  ~StoreScpProgram();
  StoreScpProgram(const StoreScpProgram&) = delete;
  StoreScpProgram& operator=(const StoreScpProgram&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_;
  pid_t process_ = -1;
};

/// A port that nothing listened on a moment ago.
std::uint16_t free_port();

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& file);

/// The bytes after preamble and file meta information.
std::vector<std::uint8_t> dataset_bytes(const std::vector<std::uint8_t>& part10);

}  // namespace metserve::dicom::test
