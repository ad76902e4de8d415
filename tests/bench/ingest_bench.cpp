// Images per second into the storage SCP: in-process senders and DCMTK's storescu, with a handler that does
// nothing and one that writes and fsyncs each image; DCMTK's storescp takes the same in the same run.
// usage: ingest_bench [IMAGES_PER_ASSOCIATION]      (300 by default; 256 x 256 pixels of 16 bits)

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dicom/mr_writer.h"
#include "dicom/runtime.h"
#include "dicom/store_scp.h"
#include "dicom/store_scu.h"

namespace {

using namespace metserve::dicom;
namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

struct Directory {
  Directory() {
    std::string name = (fs::temp_directory_path() / "ingest_bench_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path = name;
  }
  ~Directory() { fs::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  fs::path path;
};

std::vector<fs::path> write_images(const fs::path& directory, std::size_t count) {
  Volume volume;
  volume.geometry.size = {256, 256, count};
  for (std::size_t i = 0; i < volume.geometry.voxel_count(); ++i)
    volume.voxels.push_back(static_cast<float>(i * 7919 % 4096));
  StudyIdentity study;
  study.patient_id = "BENCH";
  study.study_instance_uid = "2.25.1";
  study.frame_of_reference_uid = "2.25.2";
  SeriesHeader series;
  series.series_instance_uid = "2.25.3";
  write_mr_series(study, series, volume, directory);
  return list_files(directory);
}

pid_t start(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t process = ::fork();
  if (process == 0) {
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  return process;
}

using Send = std::function<void(std::uint16_t port)>;

void send_in_process(std::uint16_t port, const std::vector<fs::path>& files) {
  Peer peer;
  peer.host = "127.0.0.1";
  peer.port = port;
  peer.called_ae_title = "METSERVE";
  for (const auto& result : send_instances(peer, files))
    if (result.outcome != SendResult::Outcome::delivered) throw std::runtime_error(result.reason);
}

void send_with_storescu(std::uint16_t port, const fs::path& directory) {
  const pid_t process = start(
      {"storescu", "-q", "+sd", "-aec", "METSERVE", "127.0.0.1", std::to_string(port), directory.string()});
  int status = 0;
  ::waitpid(process, &status, 0);
  if (status != 0) throw std::runtime_error("storescu failed");
}

/// Seconds that `associations` concurrent sends take.
double time_of(std::size_t associations, std::uint16_t port, const Send& send) {
  const auto began = Steady::now();
  std::vector<std::thread> senders;
  for (std::size_t i = 0; i < associations; ++i) senders.emplace_back(send, port);
  for (auto& sender : senders) sender.join();
  return std::chrono::duration<double>(Steady::now() - began).count();
}

void print_row(const char* sender, const char* receiver, std::size_t associations, std::size_t images,
               double seconds) {
  std::printf("%-12s %-22s %4zu %8zu %10.0f\n", sender, receiver, associations, images,
              static_cast<double>(images) / seconds);
  std::fflush(stdout);
}

StoreStatus write_durably(const fs::path& directory, std::uint64_t number, const ReceivedInstance& instance) {
  const auto file = directory / std::to_string(number);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const auto bytes = static_cast<ssize_t>(instance.part10.size());
  const bool written =
      ::write(fd, instance.part10.data(), instance.part10.size()) == bytes && ::fsync(fd) == 0;
  ::close(fd);
  return written ? StoreStatus::success : StoreStatus::out_of_resources;
}

StoreScpOptions on_free_port() {
  StoreScpOptions options;
  options.bind_address = "127.0.0.1";
  options.port = 0;
  return options;
}

/// DCMTK's storescp on a port that was free a moment ago.
class ReferenceReceiver {
 public:
  explicit ReferenceReceiver(const std::vector<std::string>& options) : port_(free_port()) {
    std::vector<std::string> command = {"storescp", "-q"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(std::to_string(port_));
    process_ = start(command);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  ~ReferenceReceiver() {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  ReferenceReceiver(const ReferenceReceiver&) = delete;
  ReferenceReceiver& operator=(const ReferenceReceiver&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  static std::uint16_t free_port() {
    const StoreScp probe(on_free_port(), [](ReceivedInstance&&) { return StoreStatus::success; });
    return probe.port();
  }

  std::uint16_t port_;
  pid_t process_ = -1;
};

void run(std::size_t images_per_association) {
  const Directory work;
  const auto series = work.path / "series";
  const auto files = write_images(series, images_per_association);
  const Send in_process = [&](std::uint16_t port) { send_in_process(port, files); };
  const Send storescu = [&](std::uint16_t port) { send_with_storescu(port, series); };
  std::printf("%-12s %-22s %4s %8s %10s\n", "sender", "receiver", "n", "images", "images/s");

  std::atomic<std::uint64_t> number{0};
  const auto stored = work.path / "stored";
  const StoreScp discarding(on_free_port(), [](ReceivedInstance&&) { return StoreStatus::success; });
  const StoreScp durable(
      on_free_port(), [&](ReceivedInstance&& instance) { return write_durably(stored, ++number, instance); });
  for (const std::size_t associations : {1, 4, 16}) {
    const auto images = associations * files.size();
    for (const auto& [name, send] :
         {std::pair("in-process", &in_process), std::pair("storescu", &storescu)}) {
      print_row(name, "SCP, discards", associations, images, time_of(associations, discarding.port(), *send));
      fs::create_directories(stored);
      print_row(name, "SCP, writes and fsyncs", associations, images,
                time_of(associations, durable.port(), *send));
      fs::remove_all(stored);
    }
  }
  // 40 ms an image make patience necessary: one association, and a tenth of the images
  const auto few = work.path / "few";
  fs::create_directories(few);
  for (std::size_t i = 0; i < files.size() / 10; ++i) fs::copy(files[i], few);
  const ReferenceReceiver reference({"--ignore"});
  print_row("storescu", "storescp, discards", 1, files.size() / 10,
            time_of(1, reference.port(), [&](std::uint16_t port) { send_with_storescu(port, few); }));
  print_row("in-process", "storescp, discards", 1, files.size(), time_of(1, reference.port(), in_process));
}

}  // namespace

int main(int argc, char** argv) try {
  const Runtime runtime;
  run(argc > 1 ? std::stoul(argv[1]) : 300);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "ingest_bench: %s\n", error.what());
  return 1;
}
