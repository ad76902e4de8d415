// SqliteStore: objects of results go to destinations.

#include <algorithm>

#include "server/error.h"
#include "server/sqlite_store.h"

namespace metserve::server {

std::optional<DeliveryClaim> SqliteStore::claim_deliveries(const std::string& destination,
                                                           const std::string& owner,
                                                           std::chrono::milliseconds lease) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const std::int64_t now = now_ms();
  Query first = writer_.query(R"sql(
    SELECT result_id, study_id, key FROM deliveries
      JOIN results ON results.id = result_id JOIN studies ON studies.id = study_id
    WHERE destination = ?1 AND deliveries.state = 'pending' AND next_try_ms <= ?2
      AND (deliveries.lease_owner = '' OR deliveries.lease_expires_ms <= ?2)
    ORDER BY next_try_ms, deliveries.id LIMIT 1)sql",
                              destination, now);
  if (!first.step()) return std::nullopt;
  const std::int64_t result = first.integer(0);
  DeliveryClaim claim{first.integer(1), first.text(2), destination, owner, {}};
  Query due = writer_.query(R"sql(
    SELECT id, object, file, tries FROM deliveries
    WHERE result_id = ?1 AND destination = ?2 AND state = 'pending' AND next_try_ms <= ?3
      AND (lease_owner = '' OR lease_expires_ms <= ?3) ORDER BY id)sql",
                            result, destination, now);
  while (due.step()) {
    claim.items.push_back({due.integer(0), due.text(1), due.text(2), static_cast<int>(due.integer(3))});
  }
  for (const auto& item : claim.items) {
    writer_
        .query("UPDATE deliveries SET lease_owner = ?, lease_expires_ms = ? WHERE id = ?", owner,
               now + lease.count(), item.id)
        .run();
  }
  transaction.commit();
  return claim;
}

/// A delivery that was superseded while it was under way stays so, unless it has arrived.
void SqliteStore::update_delivery(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                  DeliveryState state, std::int64_t next_try_ms, const std::string& reason) {
  const int rows = writer_
                       .query(R"sql(UPDATE deliveries SET
          state = CASE WHEN state = 'superseded' AND ?1 != 'delivered' THEN state ELSE ?1 END,
          tries = tries + 1, next_try_ms = ?2, reason = ?3, changed_ms = ?4, lease_owner = ''
        WHERE id = ?5 AND lease_owner = ?6)sql",
                              to_string(state), next_try_ms, reason, now_ms(), item.id, claim.owner)
                       .run();
  if (rows == 0) {
    throw Error(Error::Kind::lease_lost,
                "study " + claim.key + ": the lease of a delivery ended and it was taken back");
  }
}

void SqliteStore::record_delivered(const DeliveryClaim& claim, const DeliveryClaim::Item& item) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, DeliveryState::delivered, 0, "");
  note(claim.study, item.object + " is delivered to " + claim.destination);
  settle(claim.study);
  transaction.commit();
}

void SqliteStore::record_retry(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                               std::chrono::milliseconds wait, const std::string& reason) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, DeliveryState::pending, now_ms() + wait.count(), reason);
  transaction.commit();
}

void SqliteStore::record_attention(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                   const std::string& reason) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, DeliveryState::attention, 0, reason);
  note(claim.study, item.object + " to " + claim.destination + " needs attention: " + reason);
  transaction.commit();
}

void SqliteStore::hand_back(const DeliveryClaim& claim) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  for (const auto& item : claim.items) {
    writer_
        .query("UPDATE deliveries SET lease_owner = '' WHERE id = ? AND lease_owner = ?", item.id,
               claim.owner)
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

void SqliteStore::review_deliveries(const std::vector<std::string>& destinations) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  writer_
      .query(
          "UPDATE deliveries SET state = 'pending', next_try_ms = ?1, changed_ms = ?1 WHERE state = "
          "'attention'",
          now_ms())
      .run();
  std::vector<std::string> gone;
  Query query = writer_.query("SELECT DISTINCT destination FROM deliveries WHERE state = 'pending'");
  while (query.step()) {
    const std::string name = query.text(0);
    if (std::find(destinations.begin(), destinations.end(), name) == destinations.end()) gone.push_back(name);
  }
  for (const std::string& name : gone) {
    writer_
        .query(
            R"sql(UPDATE deliveries SET state = 'attention', reason = 'the destination is no longer configured',
                 changed_ms = ? WHERE state = 'pending' AND destination = ?)sql",
            now_ms(), name)
        .run();
  }
  transaction.commit();
}

}  // namespace metserve::server
