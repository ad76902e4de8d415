#pragma once

#include <mutex>

#include "dicom/identity.h"
#include "server/sqlite_database.h"
#include "server/store.h"

namespace metserve::server {

/// The store in one SQLite file; for one process, which the storage directory's lock sees to. Writes go
/// through one connection and wait for each other, reads go through another and see what was committed last.
/// Thread safety: all members from any thread.
class SqliteStore final : public Store {
 public:
  /// Opens or makes the database. Throws Error(io) that names the file.
  SqliteStore(const std::filesystem::path& file, dicom::Clock clock);

  std::optional<AddOutcome> known(const std::string& sop_instance_uid, const std::string& sha256) override;
  std::vector<AddOutcome> add_instances(std::span<const InstanceRecord> instances) override;
  std::vector<std::string> make_quiet_studies_ready(std::chrono::milliseconds quiet) override;

  std::optional<Claim> claim(const std::string& owner, std::chrono::milliseconds lease) override;
  void renew(const Claim& claim, std::chrono::milliseconds lease) override;
  void hand_back(const Claim& claim) override;
  StudyState retry(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                   int max_tries) override;
  StudyState set_aside(const Claim& claim, StudyState state, const std::string& reason) override;
  FinishOutcome finish(const Claim& claim, const std::filesystem::path& result_directory,
                       const std::vector<DeliveryOrder>& orders) override;
  std::vector<std::string> reclaim_expired(int max_tries) override;
  std::vector<std::string> reclaim_own(const std::string& owner, int max_tries) override;

  std::optional<DeliveryClaim> claim_deliveries(const std::string& destination, const std::string& owner,
                                                std::chrono::milliseconds lease) override;
  void record_delivered(const DeliveryClaim& claim, const DeliveryClaim::Item& item) override;
  void record_retry(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                    std::chrono::milliseconds wait, const std::string& reason) override;
  void record_attention(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                        const std::string& reason) override;
  void hand_back(const DeliveryClaim& claim) override;
  void review_deliveries(const std::vector<std::string>& destinations) override;

  std::vector<StudySummary> studies(std::optional<StudyState> state, int limit) override;
  std::optional<StudyDetails> study(const std::string& key) override;
  StoreCounts counts() override;
  void check_writable() override;

  std::vector<std::string> finished_before(TimePoint before) override;
  bool forget(const std::string& key) override;
  std::vector<std::string> keys() override;

 private:
  // All of these run inside a transaction of the caller.
  std::int64_t now_ms() const;
  AddOutcome add(const InstanceRecord& instance);
  std::int64_t study_for(const InstanceRecord& instance);
  void count_new_instance(std::int64_t study);
  void move(std::int64_t study, StudyState to, const std::string& text);
  void note(std::int64_t study, const std::string& text);
  bool content_changed(const Claim& claim);
  void end_lost_lease(std::int64_t study, int max_tries);
  std::vector<std::string> end_lost_leases(std::string_view owner, std::int64_t expired_at_ms, int max_tries);
  void supersede_earlier(std::int64_t study, std::int64_t result);
  void update_delivery(const DeliveryClaim& claim, const DeliveryClaim::Item& item, DeliveryState state,
                       std::int64_t next_try_ms, const std::string& reason);
  void settle(std::int64_t study);

  dicom::Clock clock_;
  std::mutex write_mutex_, read_mutex_;
  Database writer_;
  Database reader_;
};

}  // namespace metserve::server
