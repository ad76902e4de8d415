// Images per second into `metserve serve`, DCMTK's storescp and Orthanc, each a process of its own, all in
// one run, beside what the disk gives. Senders: DCMTK's storescu as it is shipped, and one of ours that has
// encoded everything beforehand. An image is 256 x 256 pixels of 16 bits, 134 KB.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>

#include "dicom/mr_writer.h"
#include "dicom/runtime.h"
#include "tests/bench/disk_floor.h"
#include "tests/bench/fast_sender.h"
#include "tests/bench/receivers.h"
#include "tests/unit/dicom/peer_programs.h"

namespace {

using namespace metserve;
using namespace metserve::bench;
namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;
using dicom::test::Bytes;

constexpr int few_of = 20;  ///< at 40 ms an image, a twentieth of the images has to do

struct Options {
  fs::path metserve, directory = fs::temp_directory_path();
  int images = 1000;     ///< of each row
  int associations = 0;  ///< of the memory test, 0: none
  bool only_metserve = false;
};

struct Directory {
  explicit Directory(const fs::path& below) {
    std::string name = (below / "ingest_bench_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path = name;
  }
  ~Directory() { fs::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  fs::path path;
};

void write_images(const fs::path& directory, int count, const std::string& series_instance_uid) {
  dicom::Volume volume;
  volume.geometry.size = {256, 256, static_cast<std::size_t>(count)};
  for (std::size_t i = 0; i < volume.geometry.voxel_count(); ++i)
    volume.voxels.push_back(static_cast<float>(i * 7919 % 4096));
  dicom::StudyIdentity study;
  study.patient_id = "BENCH";
  study.study_instance_uid = "2.25.1";
  study.frame_of_reference_uid = "2.25.2";
  dicom::SeriesHeader series;
  series.series_instance_uid = series_instance_uid;
  dicom::write_mr_series(study, series, volume, directory);
}

/// The dataset of one image with the sender's placeholder for its SOP Instance UID.
Bytes dataset_template(const fs::path& directory) {
  write_images(directory, 1, "2.25.3");
  const Bytes whole =
      dicom::test::dataset_bytes(dicom::test::read_bytes(dicom::list_files(directory).front()));
  const Bytes tag = {0x08, 0, 0x18, 0, 'U', 'I'};
  const auto at = std::search(whole.begin(), whole.end(), tag.begin(), tag.end());
  const std::size_t begin = static_cast<std::size_t>(at - whole.begin());
  const std::size_t old_length = whole[begin + 6] | std::size_t{whole[begin + 7]} << 8;
  using dicom::test::operator+;
  return Bytes(whole.begin(), at) + dicom::test::element(0x0008, 0x0018, "UI", FastSender::placeholder()) +
         Bytes(at + static_cast<std::ptrdiff_t>(8 + old_length), whole.end());
}

/// Calls `work(i)` on `count` threads; throws what the first of them threw.
void on_threads(int count, const std::function<void(int)>& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        work(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        failure = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

class Table {
 public:
  Table() {
    std::printf("%-15s %-22s %5s %7s %9s %8s %11s %8s\n", "receiver", "sender", "assoc", "images", "images/s",
                "p99 ms", "CPU s/1000", "RSS MiB");
  }

  /// Lets `send` run and prints what it came to; it returns the seconds that each answer took, if it knows.
  void row(const Receiver& receiver, const std::string& sender, int associations, int images,
           const std::function<std::vector<double>()>& send) {
    const double cpu_before = receiver.process.cpu_s();
    const auto began = Steady::now();
    std::vector<double> waits = send();
    const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
    // What is still to be done for these images belongs to them.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const double cpu = receiver.process.cpu_s() - cpu_before;
    std::sort(waits.begin(), waits.end());
    std::array<char, 16> p99{"-"};
    if (!waits.empty()) std::snprintf(p99.data(), p99.size(), "%.1f", 1000 * waits[waits.size() * 99 / 100]);
    std::printf("%-15s %-22s %5d %7d %9.0f %8s %11.2f %8.0f\n", receiver.name.c_str(), sender.c_str(),
                associations, images, images / seconds, p99.data(), 1000 * cpu / images,
                receiver.process.resident_mib());
    std::fflush(stdout);
  }
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), work_(options.directory) {
    dataset_ = dataset_template(work_.path / "template");
    write_images(work_.path / "many", options_.images, "2.25.4");
    write_images(work_.path / "many more", options_.images, "2.25.5");
    write_images(work_.path / "few", options_.images / few_of, "2.25.6");
  }

  void measure() {
    const DiskFloor floor = measure_disk(work_.path / "floor", dataset_.size());
    std::printf("disk, images/s: fsync each %.0f, syncfs of 64 %.0f, journal %.0f, journal of 16 %.0f\n\n",
                floor.fsync_each, floor.syncfs_of_64, floor.journal_of_1, floor.journal_of_16);
    Table table;
    const Receiver metserve = start_metserve(options_.metserve, work_.path / "metserve");
    with_storescu(table, metserve, "many", options_.images, false);
    measure_fast(table, metserve);
    if (options_.only_metserve) return;
    measure_peer(table, start_storescp, work_.path / "storescp");
    measure_peer(table, start_forking_storescp, work_.path / "forking storescp");
    measure_peer(table, start_orthanc, work_.path / "orthanc");
  }

  /// Whether associations leave something behind.
  void measure_memory() {
    const Receiver receiver = start_metserve(options_.metserve, work_.path / "memory");
    const auto associate = [&](int count) {
      on_threads(8, [&](int thread) {
        for (int i = 0; i < count / 8; ++i)
          FastSender(receiver.port, receiver.ae_title, dataset_, thread).release();
      });
    };
    associate(1000);
    const double before = receiver.process.resident_mib();
    associate(options_.associations);
    std::printf("\n%d associations: resident %.1f MiB before, %.1f MiB after\n", options_.associations,
                before, receiver.process.resident_mib());
  }

 private:
  /// As shipped DCMTK's receivers answer in two writes, of which the second waits for an acknowledgement of
  /// the first: with TCP_NODELAY on the sender's side alone nothing would be won.
  void measure_peer(Table& table, Receiver (*start)(const fs::path&, bool), const fs::path& directory) {
    with_storescu(table, start(directory, false), "few", options_.images / few_of, false);
    measure_fast(table, start(directory, true));
  }

  void with_storescu(Table& table, const Receiver& receiver, const char* images, int count, bool no_delay) {
    table.row(receiver, no_delay ? "storescu, TCP_NODELAY" : "storescu", 1, count, [&] {
      run_storescu(receiver, work_.path / images, no_delay);
      return std::vector<double>();
    });
  }

  void measure_fast(Table& table, const Receiver& receiver) {
    with_storescu(table, receiver, "many more", options_.images, true);
    for (const int associations : {1, 4, 16}) {
      const int each = std::max(options_.images / associations, 1) * (associations > 1 ? 4 : 1);
      table.row(receiver, "fast sender", associations, each * associations,
                [&] { return send_fast(receiver, associations, each); });
    }
  }

  std::vector<double> send_fast(const Receiver& receiver, int associations, int each) {
    std::mutex mutex;
    std::vector<double> waits;
    on_threads(associations, [&](int) {
      FastSender sender(receiver.port, receiver.ae_title, dataset_, senders_++);
      std::vector<double> own;
      for (int i = 0; i < each; ++i) own.push_back(sender.store());
      sender.release();
      const std::scoped_lock lock(mutex);
      waits.insert(waits.end(), own.begin(), own.end());
    });
    return waits;
  }

  Options options_;
  Directory work_;
  Bytes dataset_;
  std::atomic<int> senders_{0};
};

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App program("Images per second into metserve and others");
  program.add_option("metserve", options.metserve, "The program")->required()->check(CLI::ExistingFile);
  program.add_option("--images", options.images, "Of each row")
      ->check(CLI::Range(20, 100000))
      ->capture_default_str();
  program.add_option("--associations", options.associations, "Of the memory test; 0: none")
      ->check(CLI::Range(0, 1000000));
  program.add_option("--directory", options.directory, "Where all of them store")
      ->check(CLI::ExistingDirectory);
  program.add_flag("--only-metserve", options.only_metserve, "Leave the others out");
  CLI11_PARSE(program, argc, argv);
  const dicom::Runtime runtime;
  Bench bench(options);
  bench.measure();
  if (options.associations > 0) bench.measure_memory();
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "ingest_bench: %s\n", error.what());
  return EXIT_FAILURE;
}
