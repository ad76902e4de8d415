#pragma once

#include <mutex>

#include "dicom/identity.h"
#include "server/sqlite_database.h"
#include "server/store.h"

namespace metserve::server {

/// The store in one SQLite file; for one process, which the storage directory's lock sees to. Writes go
/// through one connection and wait for each other, reads go through another and see what was committed last;
/// what is asked of every image that arrives goes through a third, so that no list holds it up. Whether it
/// can be written is tried through a fourth, which waits a second and a half for the lock at most. Thread
/// safety: all members from any thread.
class SqliteStore final : public Store {
 public:
  /// Opens or makes the database. Throws Error(io) that names the file.
  SqliteStore(const std::filesystem::path& file, dicom::Clock clock);

  std::optional<AddOutcome> known(const std::string& sop_instance_uid, const std::string& digest) override;
  std::vector<AddOutcome> add_instances(std::span<const InstanceRecord> instances) override;
  std::vector<std::string> make_quiet_studies_ready(std::chrono::milliseconds quiet) override;

  std::optional<Claim> claim(const std::string& owner, std::chrono::milliseconds lease) override;
  void renew(const Claim& claim, std::chrono::milliseconds lease) override;
  void hand_back(const Claim& claim) override;
  StudyState retry(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                   int max_tries) override;
  StudyState wait_out(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                      int most_shortages) override;
  StudyState set_aside(const Claim& claim, StudyState state, const std::string& reason) override;
  void record_series(const Claim& claim, std::span<const SeriesFinding> series) override;
  void record_patient(const Claim& claim, const PatientRecord& patient) override;
  std::optional<Predecessor> predecessor(const PatientRecord& patient) override;
  void record_own_series(const Claim& claim, const std::string& series_instance_uid) override;
  FinishOutcome finish(const Claim& claim, const std::filesystem::path& result_directory,
                       const std::vector<DeliveryOrder>& orders) override;
  std::vector<std::string> reclaim_expired(int max_tries, std::span<const Claim> held) override;
  std::vector<std::string> reclaim_own(const std::string& owner, int max_deaths) override;

  std::optional<DeliveryClaim> claim_deliveries(const std::string& destination, const std::string& owner,
                                                std::chrono::milliseconds lease) override;
  void record_delivered(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                        const std::string& warning) override;
  void record_stored(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                     const std::string& sop_instance_uid) override;
  void record_retry(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                    std::chrono::milliseconds wait, const std::string& reason,
                    bool may_have_arrived) override;
  void record_lost(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                   std::chrono::milliseconds wait, const std::string& reason) override;
  void record_attention(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                        const std::string& reason) override;
  void hand_back(const DeliveryClaim& claim, bool may_have_arrived) override;
  std::optional<DeliveryClaim> claim_stored(const std::string& destination, const std::string& owner,
                                            std::chrono::milliseconds lease) override;
  void record_asked(const DeliveryClaim& claim, const std::string& transaction_uid,
                    std::chrono::milliseconds wait) override;
  std::optional<DeliveryClaim> claim_transaction(const std::string& transaction_uid, const std::string& owner,
                                                 std::chrono::milliseconds lease) override;
  void hurry_deliveries(const std::string& destination) override;
  void review_deliveries(const std::vector<DestinationConfig>& destinations) override;

  void retry_study(const std::string& key) override;
  void release_study(const std::string& key, const SeriesDecisions& decisions) override;
  void resend_study(const std::string& key, const std::vector<std::string>& destinations) override;
  void remove_study(const std::string& key) override;

  std::vector<StudySummary> studies(const StudyFilter& filter) override;
  std::optional<StudyDetails> study(const std::string& key) override;
  StoreCounts counts() override;
  void check_writable() override;

  void age_finished(std::chrono::milliseconds elapsed) override;
  std::vector<std::string> finished_for(std::chrono::milliseconds age) override;
  bool forget(const std::string& key, std::chrono::milliseconds age) override;
  std::vector<std::string> keys() override;

 private:
  // All of these run inside a transaction of the caller.
  std::int64_t now_ms() const;
  AddOutcome add(const InstanceRecord& instance);
  std::int64_t study_for(const InstanceRecord& instance);
  bool is_own(const InstanceRecord& instance);
  void count_new_instance(std::int64_t study, const InstanceRecord& instance);
  void move(std::int64_t study, StudyState to, const std::string& text);
  std::int64_t next_claim();
  void note(std::int64_t study, const std::string& text);
  bool content_changed(const Claim& claim);
  void end_lost_lease(std::int64_t study, int max_tries);
  void end_in_death(std::int64_t study, std::size_t studies_in_work, int max_deaths);
  void supersede_earlier(std::int64_t study, std::int64_t result);
  struct DeliveryChange {
    std::optional<DeliveryState> state;  ///< nothing: as it is
    std::chrono::milliseconds wait{0};   ///< until it is due again
    std::string reason;
    int tries = 1;  ///< that it counts as
    bool may_have_arrived = false;
  };
  void update_delivery(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                       const DeliveryChange& change);
  std::optional<DeliveryClaim> claim_due(DeliveryState state, const std::string& destination,
                                         const std::string& owner, std::chrono::milliseconds lease);
  void lease_items(const DeliveryClaim& claim, std::chrono::milliseconds lease);
  void deliver_stored(const std::string& destination);
  void review_destination(const std::string& name, const DestinationConfig* configured);
  void settle(std::int64_t study);
  /// A study that a person asks for, with its state.
  struct Addressed {
    std::int64_t study;
    StudyState state;
  };
  Addressed addressed(const std::string& key);
  void decide(std::int64_t study, const std::string& series, std::string_view slot);
  void decide_all(std::int64_t study, const SeriesDecisions& decisions);
  void require_no_open_part(std::int64_t study);
  void rearm(std::int64_t study, const std::string& text);

  dicom::Clock clock_;
  std::mutex write_mutex_, read_mutex_, lookup_mutex_, probe_mutex_;
  Database writer_;
  Database reader_;
  Database lookup_;  ///< for `known`
  Database probe_;   ///< for `check_writable`
};

}  // namespace metserve::server
