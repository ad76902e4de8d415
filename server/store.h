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

#include "models/slots.h"

namespace metserve::server {

struct DestinationConfig;  // config.h

using TimePoint = std::chrono::system_clock::time_point;

/// Where a study stands (docs/operations.md draws the arrows).
enum class StudyState { receiving, ready, running, delivering, done, held, skipped, failed };
std::string_view to_string(StudyState state);
std::optional<StudyState> study_state_from(std::string_view text);

enum class DeliveryState {
  pending,
  stored,  ///< it has arrived, and its destination has not yet committed to keep it
  delivered,
  attention,
  superseded,
};
std::string_view to_string(DeliveryState state);
std::optional<DeliveryState> delivery_state_from(std::string_view text);

/// One image whose file is on stable storage and that asks to be recorded. Paths are relative to the storage
/// directory.
struct InstanceRecord {
  std::string study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid, transfer_syntax_uid;
  std::string modality, calling_ae_title, peer_address;
  std::string digest;  ///< content_digest of the dataset
  std::uint64_t bytes = 0;
  std::filesystem::path file;
};

enum class AddOutcome {
  added,
  duplicate,  ///< the same bytes are there already: nothing changes
  conflict,   ///< other bytes under a SOP Instance UID that the study has: kept apart, the first stay in use
};

/// What a person decided about series, by Series Instance UID: the slot that one fills, or that it fills
/// none.
using SeriesDecisions = std::map<std::string, std::optional<models::Slot>>;

/// What one series, or a part of it that was acquired differently, was found to be when its study was last in
/// work.
struct SeriesFinding {
  std::string series_instance_uid;
  std::optional<int> series_number;
  std::string description;
  int images = 0;
  std::optional<models::Slot> slot;
  std::string decision;  ///< used, duplicate, rejected, ambiguous
  double confidence = 0;
  std::string reason;  ///< the strongest one
};

/// An image that was filed: its file, relative to the storage directory, and the content that it has to have.
struct StoredImage {
  std::filesystem::path file;
  std::string digest;  ///< is_content of the dataset
};

/// The right to work on one study until the lease ends. `lease` numbers all claims ever made, so that a late
/// worker cannot finish what was given to another.
struct Claim {
  std::int64_t study = 0;
  std::string key;
  std::string owner;
  std::int64_t lease = 0;
  std::int64_t revision = 0;  ///< of the study's content
  int tries = 0;              ///< claims of this content, this one included
  int shortages = 0;          ///< of them, not this one, that ended for lack of something; not among `tries`
  TimePoint ready_since;
  std::vector<StoredImage> images;
  SeriesDecisions decisions;
};

/// Whose study it is, and when it was made.
struct PatientRecord {
  std::string key;      ///< predecessor.h; empty: not known
  std::string studied;  ///< DICOM's date and time, which sort as text
};

/// An earlier study of the same patient and its current result.
struct Predecessor {
  std::string key, studied;
  std::filesystem::path result_directory;
  std::vector<StoredImage> images;
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
    int tries = 0;                 ///< made before
    std::string sop_instance_uid;  ///< once it is stored
  };
  std::int64_t study = 0;
  std::string key;
  std::string destination;
  std::string owner;
  std::int64_t lease = 0;  ///< as a study's
  std::vector<Item> items;
};

/// What a study looks like from outside.
struct StudySummary {
  std::string key, study_instance_uid;
  StudyState state = StudyState::receiving;
  std::string reason;  ///< of the state, where there is one
  int instances = 0, series = 0, conflicts = 0, tries = 0;
  int undelivered = 0, attention = 0;  ///< objects of the current result that are on their way, and stuck
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

struct ResultSummary {
  std::int64_t revision = 0;  ///< of the content that it was made from
  TimePoint created;
  bool superseded = false;
  bool arrived = false;          ///< an object of it is at a destination, or on its way
  bool drawing_arrived = false;  ///< likewise a segmentation or a structure set
};

struct StudyDetails {
  StudySummary summary;
  std::vector<SeriesFinding> series;
  SeriesDecisions decisions;
  std::vector<ResultSummary> results;
  std::vector<DeliverySummary> deliveries;
  std::vector<HistoryEntry> history;
};

struct StudyFilter {
  std::optional<StudyState> state;
  bool needs_attention = false;  ///< only held and failed ones, and those with objects that are stuck
  int limit = 100;
};

struct StoreCounts {
  std::map<StudyState, int> studies;
  std::map<DeliveryState, int> deliveries;
  std::chrono::milliseconds longest_wait{0};  ///< age of the oldest result that a destination has not taken
};

/// Studies, instances, results and deliveries with their durable states. Every change of state is one
/// transaction that records time and reason; what returned survives a power cut. Times come from the clock
/// that the implementation was made with. All members throw Error(io) when the database fails, and those that
/// take a claim Error(lease_lost) when it is no longer held; those that act for a person Error(not_found) for
/// a study that is not there and Error(wrong_state) for one that is not in a state for it. Thread safety: all
/// members from any thread.
class Store {
 public:
  virtual ~Store() = default;

  // Receiving
  /// What adding this instance would come to, when that is known already.
  virtual std::optional<AddOutcome> known(const std::string& sop_instance_uid, const std::string& digest) = 0;
  /// All of them in one transaction; outcomes in order. A new MR image puts its study back to `receiving`,
  /// except while it is `running`: then it is the worker's finish that finds out. Other objects (results that
  /// come back among them) are kept and change nothing.
  virtual std::vector<AddOutcome> add_instances(std::span<const InstanceRecord> instances) = 0;
  /// Studies that received nothing for `quiet` become ready. Returns their keys.
  virtual std::vector<std::string> make_quiet_studies_ready(std::chrono::milliseconds quiet) = 0;

  // Working
  /// The study that is ready for longest, now running; nothing when there is none. One at whose side the
  /// process died before runs alone: it waits until nothing else of this owner does, and nothing else begins
  /// meanwhile.
  virtual std::optional<Claim> claim(const std::string& owner, std::chrono::milliseconds lease) = 0;
  virtual void renew(const Claim& claim, std::chrono::milliseconds lease) = 0;
  /// Back to ready as if never claimed: the server stops.
  virtual void hand_back(const Claim& claim) = 0;
  /// Back to ready after `wait`, or `failed` when `max_tries` claims have been made of this content.
  virtual StudyState retry(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                           int max_tries) = 0;
  /// Back to ready after `wait`, without counting as a try; `failed` when `most_shortages` claims ended so.
  virtual StudyState wait_out(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                              int most_shortages) = 0;
  /// To `held`, `skipped` or `failed`; to `receiving` when images came meanwhile. Returns the new state.
  virtual StudyState set_aside(const Claim& claim, StudyState state, const std::string& reason) = 0;
  /// What the series of the study were found to be; replaces what an earlier job found.
  virtual void record_series(const Claim& claim, std::span<const SeriesFinding> series) = 0;
  virtual void record_patient(const Claim& claim, const PatientRecord& patient) = 0;
  /// The patient's last study before `patient.studied` that has a result.
  virtual std::optional<Predecessor> predecessor(const PatientRecord& patient) = 0;
  /// Images of this series are made here: they change nothing when an archive sends them back.
  virtual void record_own_series(const Claim& claim, const std::string& series_instance_uid) = 0;
  /// Records the result with its orders in one transaction and supersedes the study's earlier results and
  /// what of them is still to be delivered.
  virtual FinishOutcome finish(const Claim& claim, const std::filesystem::path& result_directory,
                               const std::vector<DeliveryOrder>& orders) = 0;
  /// Now and then: studies whose lease is over are ready again, or `failed` when `max_tries` claims ended so.
  /// Returns their keys. `held`: what is being worked on in this process, whatever its clock has jumped to.
  virtual std::vector<std::string> reclaim_expired(int max_tries, std::span<const Claim> held) = 0;
  /// At start, for what this owner held when its process died, studies and deliveries: the studies are ready
  /// again, each to run alone, or `failed` when the process died `max_deaths` times while it worked on that
  /// study and on no other. Returns their keys.
  virtual std::vector<std::string> reclaim_own(const std::string& owner, int max_deaths) = 0;

  // Delivering
  /// What is due at `destination`, of the result that waits for longest; nothing when there is nothing.
  virtual std::optional<DeliveryClaim> claim_deliveries(const std::string& destination,
                                                        const std::string& owner,
                                                        std::chrono::milliseconds lease) = 0;
  /// It has arrived for good. `warning`: what the destination warned of, or empty.
  virtual void record_delivered(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                const std::string& warning) = 0;
  /// It has arrived, and is delivered once the destination has committed to keep it.
  virtual void record_stored(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                             const std::string& sop_instance_uid) = 0;
  /// What was tried (sending, or asking for commitment) is due again after `wait`. `may_have_arrived`: an
  /// answer is missing.
  virtual void record_retry(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                            std::chrono::milliseconds wait, const std::string& reason,
                            bool may_have_arrived) = 0;
  /// A stored object that the destination does not keep is to be sent again after `wait`.
  virtual void record_lost(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                           std::chrono::milliseconds wait, const std::string& reason) = 0;
  virtual void record_attention(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                const std::string& reason) = 0;
  virtual void hand_back(const DeliveryClaim& claim, bool may_have_arrived) = 0;
  /// What is stored at `destination` and due to be asked about, as `claim_deliveries`.
  virtual std::optional<DeliveryClaim> claim_stored(const std::string& destination, const std::string& owner,
                                                    std::chrono::milliseconds lease) = 0;
  /// The destination is about to be asked under this transaction UID, and again under another when `wait` is
  /// over without its report. Ends the claim: the report, to the one or the other, may come at any time.
  virtual void record_asked(const DeliveryClaim& claim, const std::string& transaction_uid,
                            std::chrono::milliseconds wait) = 0;
  /// What is stored and was asked about under this transaction UID; nothing when it is not known, no items
  /// when all of them are settled.
  virtual std::optional<DeliveryClaim> claim_transaction(const std::string& transaction_uid,
                                                         const std::string& owner,
                                                         std::chrono::milliseconds lease) = 0;
  /// A destination is back after an outage: what waits for it is due now.
  virtual void hurry_deliveries(const std::string& destination) = 0;
  /// At start: what needs attention is tried again (somebody will have seen to it), except at destinations
  /// that are no longer there, where also what is on its way needs attention. What is stored at destinations
  /// that are not asked for commitment (any more) is delivered.
  virtual void review_deliveries(const std::vector<DestinationConfig>& destinations) = 0;

  // For persons
  /// A study that was set aside or is finished becomes ready, as new content: it is matched and segmented
  /// again, and a new result supersedes the earlier one.
  virtual void retry_study(const std::string& key) = 0;
  /// The same for a held study, or with `decisions` for a finished one. What a person decides about a series
  /// holds for good; of a held study, ambiguous series without a decision are decided to fill no slot. Throws
  /// Error(bad_call) for a series that the study does not have, for two series in one slot, and for an
  /// ambiguous one without a decision of which a part is used.
  virtual void release_study(const std::string& key, const SeriesDecisions& decisions) = 0;
  /// The current result's objects for these destinations are due again, at once and with all their tries.
  /// Throws Error(wrong_state) when there are none.
  virtual void resend_study(const std::string& key, const std::vector<std::string>& destinations) = 0;
  /// Forgets the study, whatever its state, except while it is `running`.
  virtual void remove_study(const std::string& key) = 0;

  // Looking
  virtual std::vector<StudySummary> studies(const StudyFilter& filter) = 0;
  virtual std::optional<StudyDetails> study(const std::string& key) = 0;
  virtual StoreCounts counts() = 0;
  /// Throws Error(io) when the database does not take a write.
  virtual void check_writable() = 0;

  // Retention
  /// Studies that are done, held, skipped or failed, or whose deliveries all need attention, have been so for
  /// this much longer. By one server of a database.
  virtual void age_finished(std::chrono::milliseconds elapsed) = 0;
  /// Keys of those that have been so for at least `age`, by `age_finished`: no clock has a say in it.
  virtual std::vector<std::string> finished_for(std::chrono::milliseconds age) = 0;
  /// Forgets the study and all that belongs to it; false when it is none of `finished_for(age)` any more.
  virtual bool forget(const std::string& key, std::chrono::milliseconds age) = 0;
  /// Of all studies.
  virtual std::vector<std::string> keys() = 0;
};

}  // namespace metserve::server
