// SqliteStore: objects of results go to destinations. Storage commitment has a file of its own.

#include <algorithm>

#include "server/config.h"
#include "server/error.h"
#include "server/sqlite_store.h"

namespace metserve::server {

std::optional<DeliveryClaim> SqliteStore::claim_deliveries(const std::string& destination,
                                                           const std::string& owner,
                                                           std::chrono::milliseconds lease) {
  return claim_due(DeliveryState::pending, destination, owner, lease);
}

/// Those of the result that waits for longest. While a study is worked on its result is held back: the next
/// one names what it replaces by what has arrived when it is made.
std::optional<DeliveryClaim> SqliteStore::claim_due(DeliveryState state, const std::string& destination,
                                                    const std::string& owner,
                                                    std::chrono::milliseconds lease) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const std::int64_t now = now_ms();
  Query first = writer_.query(R"sql(
    SELECT result_id, study_id, key FROM deliveries
      JOIN results ON results.id = result_id JOIN studies ON studies.id = study_id
    WHERE destination = ?1 AND deliveries.state = ?2 AND (?2 != 'pending' OR studies.state != 'running')
      AND (next_try_ms <= ?3 OR changed_ms > ?3)
      AND (deliveries.lease_owner = '' OR deliveries.lease_expires_ms <= ?3)
    ORDER BY next_try_ms, deliveries.id LIMIT 1)sql",
                              destination, to_string(state), now);
  if (!first.step()) return std::nullopt;
  const std::int64_t result = first.integer(0);
  DeliveryClaim claim{first.integer(1), first.text(2), destination, owner, next_claim(), {}};
  Query due = writer_.query(R"sql(
    SELECT id, object, file, tries, sop_instance_uid FROM deliveries
    WHERE result_id = ?1 AND destination = ?2 AND state = ?3 AND (next_try_ms <= ?4 OR changed_ms > ?4)
      AND (lease_owner = '' OR lease_expires_ms <= ?4) ORDER BY id)sql",
                            result, destination, to_string(state), now);
  while (due.step()) {
    claim.items.push_back(
        {due.integer(0), due.text(1), due.text(2), static_cast<int>(due.integer(3)), due.text(4)});
  }
  lease_items(claim, lease);
  transaction.commit();
  return claim;
}

void SqliteStore::lease_items(const DeliveryClaim& claim, std::chrono::milliseconds lease) {
  for (const auto& item : claim.items) {
    writer_
        .query("UPDATE deliveries SET lease = ?, lease_owner = ?, lease_expires_ms = ? WHERE id = ?",
               claim.lease, claim.owner, now_ms() + lease.count(), item.id)
        .run();
  }
}

/// A delivery that was superseded while it was under way stays so, unless it has arrived.
void SqliteStore::update_delivery(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                  const DeliveryChange& change) {
  const std::string_view to = change.state ? to_string(*change.state) : "";
  const int rows =
      writer_
          .query(R"sql(UPDATE deliveries SET
          state = CASE WHEN ?1 = '' OR (state = 'superseded' AND ?1 != 'delivered') THEN state ELSE ?1 END,
          tries = tries + ?8, next_try_ms = ?2, reason = ?3, changed_ms = ?4, lease_owner = '',
          may_have_arrived = MAX(may_have_arrived, ?9, ?1 IN ('delivered', 'stored'))
        WHERE id = ?5 AND lease = ?6 AND lease_owner = ?7)sql",
                 to, now_ms() + change.wait.count(), change.reason, now_ms(), item.id, claim.lease,
                 claim.owner, std::int64_t{change.tries}, std::int64_t{change.may_have_arrived})
          .run();
  if (rows == 0) {
    throw Error(Error::Kind::lease_lost,
                "study " + claim.key + ": the lease of a delivery ended and it was taken back");
  }
}

void SqliteStore::record_delivered(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                   const std::string& warning) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, {DeliveryState::delivered, {}, warning});
  note(claim.study, item.object + " is delivered to " + claim.destination +
                        (warning.empty() ? "" : ", with a warning: " + warning));
  settle(claim.study);
  transaction.commit();
}

void SqliteStore::record_retry(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                               std::chrono::milliseconds wait, const std::string& reason,
                               bool may_have_arrived) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, {std::nullopt, wait, reason, 1, may_have_arrived});
  transaction.commit();
}

void SqliteStore::record_attention(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                   const std::string& reason) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, {DeliveryState::attention, {}, reason});
  note(claim.study, item.object + " to " + claim.destination + " needs attention");  // why: the delivery says
  transaction.commit();
}

void SqliteStore::hand_back(const DeliveryClaim& claim, bool may_have_arrived) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  for (const auto& item : claim.items) {
    writer_
        .query(R"sql(UPDATE deliveries SET lease_owner = '', may_have_arrived = MAX(may_have_arrived, ?)
                 WHERE id = ? AND lease = ?)sql",
               std::int64_t{may_have_arrived}, item.id, claim.lease)
        .run();
  }
  transaction.commit();
}

/// A study is done when everything of its current result has arrived.
void SqliteStore::settle(std::int64_t study) {
  Query open = writer_.query(R"sql(
    SELECT 1 FROM deliveries JOIN results ON results.id = result_id
    WHERE study_id = ? AND superseded_by = 0 AND state != 'delivered' LIMIT 1)sql",
                             study);
  if (open.step()) return;
  Query state = writer_.query("SELECT 1 FROM studies WHERE id = ? AND state = 'delivering'", study);
  if (state.step()) move(study, StudyState::done, "everything is delivered");
}

void SqliteStore::hurry_deliveries(const std::string& destination) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  writer_
      .query("UPDATE deliveries SET next_try_ms = ? WHERE destination = ? AND state = 'pending'", now_ms(),
             destination)
      .run();
  transaction.commit();
}

void SqliteStore::review_deliveries(const std::vector<DestinationConfig>& destinations) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  std::vector<std::string> names;
  Query query = writer_.query(
      "SELECT DISTINCT destination FROM deliveries WHERE state IN ('pending', 'stored', 'attention')");
  while (query.step()) names.push_back(query.text(0));
  for (const std::string& name : names) {
    const auto found =
        std::find_if(destinations.begin(), destinations.end(),
                     [&](const DestinationConfig& destination) { return destination.name == name; });
    review_destination(name, found == destinations.end() ? nullptr : &*found);
  }
  transaction.commit();
}

void SqliteStore::review_destination(const std::string& name, const DestinationConfig* configured) {
  if (configured == nullptr) {
    writer_
        .query(
            R"sql(UPDATE deliveries SET state = 'attention', reason = 'the destination is no longer configured',
                 changed_ms = ? WHERE state IN ('pending', 'stored') AND destination = ?)sql",
            now_ms(), name)
        .run();
    return;
  }
  writer_
      .query(R"sql(UPDATE deliveries SET state = 'pending', next_try_ms = ?1, changed_ms = ?1
               WHERE state = 'attention' AND destination = ?2)sql",
             now_ms(), name)
      .run();
  if (!configured->storage_commitment) deliver_stored(name);
}

}  // namespace metserve::server
