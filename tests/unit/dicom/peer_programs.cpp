#include "tests/unit/dicom/peer_programs.h"

#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace metserve::dicom::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto address = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

pid_t start(const std::vector<std::string>& command, int output) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t process = ::fork();
  if (process != 0) return process;
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& command) {
  std::vector<std::string> limited = {"timeout", "20"};
  limited.insert(limited.end(), command.begin(), command.end());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t process = start(limited, ends[1]);
  ::close(ends[1]);
  ProgramResult result;
  std::array<char, 4096> buffer{};
  for (ssize_t count; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
    result.output.append(buffer.data(), static_cast<std::size_t>(count));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(process, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

RunningProgram::RunningProgram(const std::vector<std::string>& command, std::uint16_t port, int patience_s)
    : port_(port) {
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  process_ = start(command, nothing);
  ::close(nothing);
  for (int tries = 0; !listens(port_) && tries < 100 * patience_s; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

RunningProgram::~RunningProgram() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

StoreScpProgram::StoreScpProgram(const std::filesystem::path& directory,
                                 const std::vector<std::string>& options) {
  std::filesystem::create_directories(directory);
  const std::uint16_t port = free_port();
  std::vector<std::string> command = {"storescp", "-od", directory.string()};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(std::to_string(port));
  program_ = std::make_unique<RunningProgram>(command, port, 5);
}

std::uint16_t free_port() {
  // Below the ports that Linux gives to outgoing connections, which could take it before its listener does.
  static std::uniform_int_distribution<std::uint16_t> ports(16000, 32000);
  static std::random_device random;
  while (true) {
    const auto address = loopback(ports(random));
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const bool is_free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (is_free) return ntohs(address.sin_port);
  }
}

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::uint8_t> dataset_bytes(const std::vector<std::uint8_t>& part10) {
  constexpr std::size_t group_length_end = 128 + 4 + 12;
  if (part10.size() < group_length_end) throw std::runtime_error("no Part 10 file");
  const std::size_t length = part10[140] | std::size_t{part10[141]} << 8 | std::size_t{part10[142]} << 16;
  return {part10.begin() + static_cast<std::ptrdiff_t>(group_length_end + length), part10.end()};
}

}  // namespace metserve::dicom::test
