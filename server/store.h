#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metserve::server {

using TimePoint = std::chrono::system_clock::time_point;

/// Where a study stands (docs/operations.md draws the arrows).
enum class StudyState { receiving, ready, running, delivering, done, held, skipped, failed };
std::string_view to_string(StudyState state);
std::optional<StudyState> study_state_from(std::string_view text);

enum class DeliveryState { pending, delivered, attention, superseded };
std::string_view to_string(DeliveryState state);
std::optional<DeliveryState> delivery_state_from(std::string_view text);

/// One image whose file is on stable storage and that asks to be recorded. Paths are relative to the storage
/// directory.
struct InstanceRecord {
  std::string study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid, transfer_syntax_uid;
  std::string modality, calling_ae_title, peer_address;
  std::string sha256;  ///< of the dataset, 64 hex digits
  std::uint64_t bytes = 0;
  std::filesystem::path file;
};

enum class AddOutcome {
  added,
  duplicate,  ///< the same bytes are there already: nothing changes
  conflict,   ///< other bytes under the same SOP Instance UID: the first stay in use, these are kept apart
};

/// The right to work on one study until the lease ends. `lease` numbers the claims of a study, so that a late
/// worker cannot finish what was given to another.
struct Claim {
  std::int64_t study = 0;
  std::string key;
  std::string owner;
  std::int64_t lease = 0;
  std::int64_t revision = 0;  ///< of the study's content
  int tries = 0;              ///< claims of this content, this one included
  TimePoint ready_since, last_received;
  std::vector<std::filesystem::path> files;
};

/// One object that has to reach one destination.
struct DeliveryOrder {
  std::string destination, object;
  std::filesystem::path file;
};

enum class FinishOutcome {
  recorded,         ///< the study is delivering, or done when there is nothing to deliver
  content_changed,  ///< images came meanwhile: the result is void and the study receives again
};

/// Objects of one result that are due at one destination, under a lease.
struct DeliveryClaim {
  struct Item {
    std::int64_t id = 0;
    std::string object;
    std::filesystem::path file;
    int tries = 0;  ///< made before
  };
  std::int64_t study = 0;
  std::string key;
  std::string destination;
  std::string owner;
  std::vector<Item> items;
};

/// What a study looks like from outside.
struct StudySummary {
  std::string key, study_instance_uid;
  StudyState state = StudyState::receiving;
  std::string reason;  ///< of the state, where there is one
  int instances = 0, series = 0, conflicts = 0, tries = 0;
  std::uint64_t bytes = 0;
  TimePoint first_received, last_received, state_since;
};

struct DeliverySummary {
  std::string destination, object;
  DeliveryState state = DeliveryState::pending;
  int tries = 0;
  TimePoint next_try, changed;
  std::string reason;
};

struct HistoryEntry {
  TimePoint time;
  StudyState state = StudyState::receiving;
  std::string note;
};

struct StudyDetails {
  StudySummary summary;
  std::vector<DeliverySummary> deliveries;
  std::vector<HistoryEntry> history;
};

struct StoreCounts {
  std::map<StudyState, int> studies;
  std::map<DeliveryState, int> deliveries;
};

/// Studies, instances, results and deliveries with their durable states. Every change of state is one
/// transaction that records time and reason; what returned survives a power cut. Times come from the clock
/// that the implementation was made with. All members throw Error(io) when the database fails, and those that
/// take a claim Error(lease_lost) when it is no longer held. Thread safety: all members from any thread.
class Store {
 public:
  virtual ~Store() = default;

  // Receiving
  /// What adding this instance would come to, when that is known already.
  virtual std::optional<AddOutcome> known(const std::string& sop_instance_uid, const std::string& sha256) = 0;
  /// All of them in one transaction; outcomes in order. New content puts its study back to `receiving`,
  /// except while it is `running`: then it is the worker's finish that finds out.
  virtual std::vector<AddOutcome> add_instances(std::span<const InstanceRecord> instances) = 0;
  /// Studies that received nothing for `quiet` become ready. Returns their keys.
  virtual std::vector<std::string> make_quiet_studies_ready(std::chrono::milliseconds quiet) = 0;

  // Working
  /// The study that is ready for longest, now running; nothing when there is none.
  virtual std::optional<Claim> claim(const std::string& owner, std::chrono::milliseconds lease) = 0;
  virtual void renew(const Claim& claim, std::chrono::milliseconds lease) = 0;
  /// Back to ready as if never claimed: the server stops.
  virtual void hand_back(const Claim& claim) = 0;
  /// Back to ready after `wait`, or `failed` when `max_tries` claims have been made of this content.
  virtual StudyState retry(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                           int max_tries) = 0;
  /// To `held`, `skipped` or `failed`; to `receiving` when images came meanwhile. Returns the new state.
  virtual StudyState set_aside(const Claim& claim, StudyState state, const std::string& reason) = 0;
  /// Records the result with its orders in one transaction and supersedes the study's earlier results and
  /// what of them is still to be delivered.
  virtual FinishOutcome finish(const Claim& claim, const std::filesystem::path& result_directory,
                               const std::vector<DeliveryOrder>& orders) = 0;
  /// At start and now and then: studies whose lease is over, or that this owner held before it was restarted,
  /// are ready again, or `failed` when `max_tries` claims ended so; leases of deliveries likewise. Returns
  /// the studies' keys.
  virtual std::vector<std::string> reclaim_expired(int max_tries) = 0;
  virtual std::vector<std::string> reclaim_own(const std::string& owner, int max_tries) = 0;

  // Delivering
  /// What is due at `destination`, of the result that waits for longest; nothing when there is nothing.
  virtual std::optional<DeliveryClaim> claim_deliveries(const std::string& destination,
                                                        const std::string& owner,
                                                        std::chrono::milliseconds lease) = 0;
  virtual void record_delivered(const DeliveryClaim& claim, const DeliveryClaim::Item& item) = 0;
  virtual void record_retry(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                            std::chrono::milliseconds wait, const std::string& reason) = 0;
  virtual void record_attention(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                const std::string& reason) = 0;
  virtual void hand_back(const DeliveryClaim& claim) = 0;
  /// At start: what needs attention is tried again (somebody will have seen to it), except at destinations
  /// that are no longer there, where also what is pending needs attention.
  virtual void review_deliveries(const std::vector<std::string>& destinations) = 0;

  // Looking
  virtual std::vector<StudySummary> studies(std::optional<StudyState> state, int limit) = 0;
  virtual std::optional<StudyDetails> study(const std::string& key) = 0;
  virtual StoreCounts counts() = 0;
  /// Throws Error(io) when the database does not take a write.
  virtual void check_writable() = 0;

  // Retention
  /// Keys of studies that are done, held, skipped or failed, or whose deliveries all need attention, since
  /// before `before`.
  virtual std::vector<std::string> finished_before(TimePoint before) = 0;
  /// Forgets the study and all that belongs to it; false when it has left those states meanwhile.
  virtual bool forget(const std::string& key) = 0;
  /// Of all studies.
  virtual std::vector<std::string> keys() = 0;
};

}  // namespace metserve::server
