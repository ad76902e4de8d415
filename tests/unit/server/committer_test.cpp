#include "server/committer.h"

#include <atomic>
#include <future>

#include "tests/catch.h"
#include "tests/unit/server/store_fixture.h"

using namespace metserve::server;

TEST_CASE("Nobody is told that an image is safe which the filer did not take", "[server][committer]") {
  StoreFixture f;
  const LogConfig log_config{LogLevel::debug, LogFormat::text, f.directory.path() / "log"};
  const Log log(log_config);
  Storage storage(f.directory.path() / "storage", 0);
  Journal journal(storage.journal_directory(), {.segment_bytes = std::uint64_t{1} << 20, .segments = 2});
  FinalFailure failure;
  std::promise<void> let_go;
  std::atomic<int> filed{0};
  auto filer = std::make_unique<Filer>(journal, storage, *f.store, failure, log,
                                       [&, wait = let_go.get_future().share()](const auto&, AddOutcome) {
                                         wait.wait();
                                         ++filed;
                                       });
  Committer committer(journal, *filer, failure);
  int accepted = 0;
  const auto commit_next = [&] {
    JournalEntry entry;
    entry.record = StoreFixture::instance("1.2", "1.2.1." + std::to_string(accepted));
    entry.part10 = {'a'};
    committer.commit(std::move(entry));
    ++accepted;
  };
  commit_next();
  // Closes the queue, and lasts for as long as the first image is being filed.
  const auto stopped = std::async(std::launch::async, [&] { filer.reset(); });
  CHECK(kind_of_error([&] {
          while (accepted < 100) {
            commit_next();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
          }
        }) == Error::Kind::cancelled);
  let_go.set_value();
  stopped.wait();
  CHECK(filed == accepted);
}
