#include "tests/bench/receivers.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/dicom/peer_programs.h"
#include "tests/unit/dicom/raw_peer.h"

namespace metserve::bench {
namespace fs = std::filesystem;
namespace {

pid_t start(const std::vector<std::string>& command, const fs::path& output) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t process = ::fork();
  if (process != 0) return process;
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(file, 1);
  ::dup2(file, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

std::vector<std::string> dcmtk_command(bool no_delay, std::vector<std::string> command) {
  if (no_delay) command.insert(command.begin(), {"env", "TCP_NODELAY=1"});
  return command;
}

void await(const Receiver& receiver) {
  using namespace std::chrono_literals;
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < until) {
    try {
      const dicom::test::RawPeer peer(receiver.port);
      return;
    } catch (const std::exception&) {
      std::this_thread::sleep_for(50ms);
    }
  }
  throw std::runtime_error(receiver.name + " does not listen");
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const fs::path& output)
    : process_(start(command, output)) {}

Process::~Process() {
  if (process_ < 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
}

double Process::cpu_s() const {
  std::ifstream stream("/proc/" + std::to_string(process_) + "/stat");
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double ticks = 0;
  for (int i = 0; i < 4; ++i) {  // user, system, and both of children
    double part = 0;
    fields >> part;
    ticks += part;
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double Process::resident_mib() const {
  std::ifstream stream("/proc/" + std::to_string(process_) + "/statm");
  double pages = 0;
  stream >> pages >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

Receiver start_metserve(const fs::path& program, const fs::path& directory) {
  fs::create_directories(directory);
  const auto port = dicom::test::free_port();
  const fs::path file = directory / "metserve.yaml";
  // Quiet for an hour: studies are received, none is segmented meanwhile.
  std::ofstream(file) << "dicom: {bind_address: 127.0.0.1, port: " << port
                      << ", limits: {max_associations_per_host: 32}}\n"  // all senders are this machine
                      << "study: {quiet_time_s: 3600}\n"
                      << "workers: {threads: 1}\n"
                      << "storage: {directory: " << fs::absolute(directory / "state").string() << "}\n"
                      << "http: {port: 0}\n";
  Receiver receiver{"metserve",
                    "METSERVE",
                    port,
                    {{program.string(), "serve", "--config", file.string()}, directory / "log"}};
  await(receiver);
  return receiver;
}

namespace {

Receiver start_storescp(const char* name, const char* processes, const fs::path& directory, bool no_delay) {
  fs::create_directories(directory);
  const auto port = dicom::test::free_port();
  Receiver receiver{name,
                    "STORESCP",
                    port,
                    {dcmtk_command(no_delay, {"storescp", "-q", processes, "-od", directory.string(),
                                              std::to_string(port)}),
                     directory / "log"}};
  await(receiver);
  return receiver;
}

}  // namespace

Receiver start_storescp(const fs::path& directory, bool no_delay) {
  return start_storescp("storescp", "--single-process", directory, no_delay);
}

Receiver start_forking_storescp(const fs::path& directory, bool no_delay) {
  return start_storescp("storescp --fork", "--fork", directory, no_delay);
}

Receiver start_orthanc(const fs::path& directory, bool no_delay) {
  fs::create_directories(directory);
  const auto port = dicom::test::free_port();
  const fs::path file = directory / "orthanc.json";
  std::ofstream(file)
      << R"({"Name": "bench", "HttpServerEnabled": false, "DicomAet": "ORTHANC", "Plugins": [], )"
      << R"("DicomAlwaysAllowStore": true, "DicomThreadsCount": 16, "DicomPort": )" << port
      << R"(, "StorageDirectory": ")" << (directory / "db").string() << R"(", "IndexDirectory": ")"
      << (directory / "db").string() << "\"}\n";
  Receiver receiver{
      "Orthanc", "ORTHANC", port, {dcmtk_command(no_delay, {"Orthanc", file.string()}), directory / "log"}};
  await(receiver);
  return receiver;
}

void run_storescu(const Receiver& receiver, const fs::path& images, bool no_delay) {
  const auto command = dcmtk_command(no_delay, {"storescu", "-q", "+sd", "-aec", receiver.ae_title,
                                                "127.0.0.1", std::to_string(receiver.port), images.string()});
  const pid_t process = start(command, "/dev/null");
  int status = 0;
  ::waitpid(process, &status, 0);
  if (status != 0) throw std::runtime_error("storescu to " + receiver.name + " failed");
}

}  // namespace metserve::bench
