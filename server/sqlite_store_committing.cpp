// SqliteStore: what has arrived waits for its destination's commitment to keep it (PS3.4 annex J).

#include "server/sqlite_store.h"

namespace metserve::server {

void SqliteStore::record_stored(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                                const std::string& sop_instance_uid) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, {DeliveryState::stored, {}, "waits for storage commitment", 0});
  writer_.query("UPDATE deliveries SET sop_instance_uid = ? WHERE id = ?", sop_instance_uid, item.id).run();
  note(claim.study, item.object + " is stored at " + claim.destination);
  transaction.commit();
}

void SqliteStore::record_lost(const DeliveryClaim& claim, const DeliveryClaim::Item& item,
                              std::chrono::milliseconds wait, const std::string& reason) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  update_delivery(claim, item, {DeliveryState::pending, wait, reason});
  note(claim.study, item.object + " is not kept by " + claim.destination + ": " + reason);
  transaction.commit();
}

std::optional<DeliveryClaim> SqliteStore::claim_stored(const std::string& destination,
                                                       const std::string& owner,
                                                       std::chrono::milliseconds lease) {
  return claim_due(DeliveryState::stored, destination, owner, lease);
}

void SqliteStore::record_asked(const DeliveryClaim& claim, const std::string& transaction_uid,
                               std::chrono::milliseconds wait) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  for (const auto& item : claim.items) {
    update_delivery(claim, item, {std::nullopt, wait, "waits for storage commitment", 0});
    writer_
        .query("INSERT INTO commitments (transaction_uid, delivery_id) VALUES (?, ?)", transaction_uid,
               item.id)
        .run();
  }
  transaction.commit();
}

std::optional<DeliveryClaim> SqliteStore::claim_transaction(const std::string& transaction_uid,
                                                            const std::string& owner,
                                                            std::chrono::milliseconds lease) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  Query query = writer_.query(R"sql(
    SELECT study_id, key, destination, deliveries.id, object, file, deliveries.tries, sop_instance_uid,
      deliveries.state = 'stored' AND (deliveries.lease_owner = '' OR deliveries.lease_expires_ms <= ?2)
    FROM commitments JOIN deliveries ON deliveries.id = delivery_id
      JOIN results ON results.id = result_id JOIN studies ON studies.id = study_id
    WHERE transaction_uid = ?1)sql",
                              transaction_uid, now_ms());
  std::optional<DeliveryClaim> claim;
  while (query.step()) {
    if (!claim)
      claim = DeliveryClaim{query.integer(0), query.text(1), query.text(2), owner, next_claim(), {}};
    if (query.integer(8) == 0) continue;
    claim->items.push_back(
        {query.integer(3), query.text(4), query.text(5), static_cast<int>(query.integer(6)), query.text(7)});
  }
  if (claim) lease_items(*claim, lease);
  transaction.commit();
  return claim;
}

/// The destination is not asked for commitment any more: that it took them is enough.
void SqliteStore::deliver_stored(const std::string& destination) {
  std::vector<std::int64_t> studies;
  Query query = writer_.query(R"sql(
    SELECT DISTINCT study_id FROM deliveries JOIN results ON results.id = result_id
    WHERE deliveries.state = 'stored' AND destination = ?)sql",
                              destination);
  while (query.step()) studies.push_back(query.integer(0));
  writer_
      .query(R"sql(UPDATE deliveries SET state = 'delivered', reason = '', changed_ms = ?
               WHERE state = 'stored' AND destination = ?)sql",
             now_ms(), destination)
      .run();
  for (const std::int64_t study : studies) settle(study);
}

}  // namespace metserve::server
