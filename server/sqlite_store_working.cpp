// SqliteStore: studies are claimed, worked on under a lease, and finished or set aside.

#include <map>

#include "server/error.h"
#include "server/sqlite_rows.h"
#include "server/sqlite_store.h"

namespace metserve::server {
namespace {

constexpr const char* content_changed_note = "images came while the study was in work";

using Studies = std::map<std::int64_t, std::string>;  ///< keys by id

Studies studies_in(Query&& query) {
  Studies studies;
  while (query.step()) studies.emplace(query.integer(0), query.text(1));
  return studies;
}

std::vector<std::string> keys_of(const Studies& studies) {
  std::vector<std::string> keys;
  for (const auto& [study, key] : studies) keys.push_back(key);
  return keys;
}

}  // namespace

std::vector<StoredImage> images_of(Database& database, const std::string& key) {
  std::vector<StoredImage> images;
  Query query = database.query(R"sql(
    SELECT file, digest FROM instances JOIN studies ON studies.id = study_id WHERE key = ? ORDER BY file)sql",
                               key);
  while (query.step()) images.push_back({query.text(0), query.text(1)});
  return images;
}

/// Of a study or of deliveries.
std::int64_t SqliteStore::next_claim() {
  writer_.query("UPDATE claims SET last = last + 1").run();
  Query query = writer_.query("SELECT last FROM claims");
  query.step();
  return query.integer(0);
}

std::optional<Claim> SqliteStore::claim(const std::string& owner, std::chrono::milliseconds lease) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const std::int64_t now = now_ms();
  Query found = writer_.query(R"sql(
    SELECT id, key, revision, tries, state_since_ms, suspect, shortages FROM studies
    WHERE state = 'ready' AND (not_before_ms <= ?1 OR state_since_ms > ?1) ORDER BY state_since_ms, id LIMIT 1)sql",
                              now);
  if (!found.step()) return std::nullopt;
  Query working = writer_.query(
      "SELECT COUNT(*), TOTAL(suspect) FROM studies WHERE state = 'running' AND lease_owner = ?", owner);
  const bool others = working.step() && working.integer(0) > 0;
  if (others && (found.integer(5) != 0 || working.real(1) > 0)) return std::nullopt;
  Claim claim;
  claim.study = found.integer(0);
  claim.key = found.text(1);
  claim.owner = owner;
  claim.lease = next_claim();
  claim.revision = found.integer(2);
  claim.tries = static_cast<int>(found.integer(3)) + 1;
  claim.ready_since = from_ms(found.integer(4));
  claim.shortages = static_cast<int>(found.integer(6));
  writer_
      .query(R"sql(UPDATE studies SET lease = ?, lease_owner = ?, lease_expires_ms = ?, tries = ?,
                 claimed_revision = revision WHERE id = ?)sql",
             claim.lease, owner, now + lease.count(), static_cast<std::int64_t>(claim.tries), claim.study)
      .run();
  move(claim.study, StudyState::running, "try " + std::to_string(claim.tries) + ", by " + owner);
  claim.images = images_of(writer_, claim.key);
  claim.decisions = decisions_of(writer_, claim.key);
  transaction.commit();
  return claim;
}

/// Also checks that the claim is still held.
bool SqliteStore::content_changed(const Claim& claim) {
  Query query = writer_.query(
      "SELECT revision FROM studies WHERE id = ? AND state = 'running' AND lease = ? AND lease_owner = ?",
      claim.study, claim.lease, claim.owner);
  if (!query.step()) {
    throw Error(Error::Kind::lease_lost,
                "study " + claim.key + ": its lease ended and the study was taken back");
  }
  return query.integer(0) != claim.revision;
}

void SqliteStore::renew(const Claim& claim, std::chrono::milliseconds lease) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  content_changed(claim);
  writer_.query("UPDATE studies SET lease_expires_ms = ? WHERE id = ?", now_ms() + lease.count(), claim.study)
      .run();
  transaction.commit();
}

void SqliteStore::hand_back(const Claim& claim) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  if (content_changed(claim)) {
    move(claim.study, StudyState::receiving, content_changed_note);
  } else {
    writer_.query("UPDATE studies SET tries = tries - 1 WHERE id = ?", claim.study).run();
    move(claim.study, StudyState::ready, "handed back by " + claim.owner);
  }
  transaction.commit();
}

StudyState SqliteStore::retry(const Claim& claim, const std::string& reason, std::chrono::milliseconds wait,
                              int max_tries) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  StudyState to = claim.tries >= max_tries ? StudyState::failed : StudyState::ready;
  if (content_changed(claim)) to = StudyState::receiving;
  writer_.query("UPDATE studies SET not_before_ms = ? WHERE id = ?", now_ms() + wait.count(), claim.study)
      .run();
  move(claim.study, to, reason);
  transaction.commit();
  return to;
}

StudyState SqliteStore::wait_out(const Claim& claim, const std::string& reason,
                                 std::chrono::milliseconds wait, int most_shortages) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  StudyState to = claim.shortages + 1 >= most_shortages ? StudyState::failed : StudyState::ready;
  if (content_changed(claim)) to = StudyState::receiving;
  writer_
      .query(R"sql(UPDATE studies SET tries = MAX(tries - 1, 0), shortages = shortages + 1, not_before_ms = ?
               WHERE id = ?)sql",
             now_ms() + wait.count(), claim.study)
      .run();
  move(claim.study, to, reason);
  transaction.commit();
  return to;
}

StudyState SqliteStore::set_aside(const Claim& claim, StudyState state, const std::string& reason) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const bool changed = content_changed(claim);
  const StudyState to = changed ? StudyState::receiving : state;
  move(claim.study, to, changed ? content_changed_note : reason);
  transaction.commit();
  return to;
}

void SqliteStore::record_series(const Claim& claim, std::span<const SeriesFinding> series) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  content_changed(claim);
  writer_.query("DELETE FROM series WHERE study_id = ?", claim.study).run();
  for (std::int64_t part = 0; const SeriesFinding& one : series) {
    writer_
        .query(R"sql(INSERT INTO series (study_id, series_instance_uid, part, series_number, description,
                   images, slot, decision, confidence, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?))sql",
               claim.study, one.series_instance_uid, part++,
               one.series_number ? std::to_string(*one.series_number) : std::string(), one.description,
               std::int64_t{one.images}, one.slot ? models::id(*one.slot) : "", one.decision, one.confidence,
               one.reason)
        .run();
  }
  transaction.commit();
}

void SqliteStore::record_own_series(const Claim& claim, const std::string& series_instance_uid) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  content_changed(claim);
  writer_
      .query("INSERT OR IGNORE INTO own_series (series_instance_uid, study_id) VALUES (?, ?)",
             series_instance_uid, claim.study)
      .run();
  transaction.commit();
}

FinishOutcome SqliteStore::finish(const Claim& claim, const std::filesystem::path& result_directory,
                                  const std::vector<DeliveryOrder>& orders) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  if (content_changed(claim)) {
    move(claim.study, StudyState::receiving, content_changed_note);
    transaction.commit();
    return FinishOutcome::content_changed;
  }
  writer_
      .query("INSERT INTO results (study_id, revision, directory, created_ms) VALUES (?, ?, ?, ?)",
             claim.study, claim.revision, result_directory.string(), now_ms())
      .run();
  const std::int64_t result = writer_.last_insert_id();
  supersede_earlier(claim.study, result);
  for (const DeliveryOrder& order : orders) {
    writer_
        .query(R"sql(INSERT INTO deliveries
                 (result_id, destination, object, file, state, next_try_ms, changed_ms)
                 VALUES (?, ?, ?, ?, 'pending', ?, ?))sql",
               result, order.destination, order.object, order.file.string(), now_ms(), now_ms())
        .run();
  }
  move(claim.study, StudyState::delivering, std::to_string(orders.size()) + " objects to deliver");
  settle(claim.study);
  transaction.commit();
  return FinishOutcome::recorded;
}

void SqliteStore::supersede_earlier(std::int64_t study, std::int64_t result) {
  const int earlier =
      writer_
          .query(
              "UPDATE results SET superseded_by = ?1 WHERE study_id = ?2 AND id != ?1 AND superseded_by = 0",
              result, study)
          .run();
  if (earlier == 0) return;
  writer_
      .query(R"sql(UPDATE deliveries SET state = 'superseded', changed_ms = ?
               WHERE state IN ('pending', 'stored', 'attention') AND result_id IN
                 (SELECT id FROM results WHERE study_id = ? AND superseded_by != 0))sql",
             now_ms(), study)
      .run();
}

void SqliteStore::end_lost_lease(std::int64_t study, int max_tries) {
  Query query =
      writer_.query("SELECT revision, claimed_revision, tries, lease_owner FROM studies WHERE id = ?", study);
  if (!query.step()) return;
  const std::string ended = "work by " + query.text(3) + " ended without a result";
  if (query.integer(0) != query.integer(1)) {
    move(study, StudyState::receiving, content_changed_note);
  } else if (query.integer(2) >= max_tries) {
    move(study, StudyState::failed,
         ended + ", " + query.text(2) + " times: set aside, see the log of those times");
  } else {
    move(study, StudyState::ready, ended);
  }
}

/// Which study a process died of cannot be told when it worked on several, and of a `kill -9` not even
/// whether it was one of them: only deaths that a study was alone with count against it.
void SqliteStore::end_in_death(std::int64_t study, std::size_t studies_in_work, int max_deaths) {
  Query query = writer_.query("SELECT revision, claimed_revision, deaths FROM studies WHERE id = ?", study);
  if (!query.step()) return;
  if (query.integer(0) != query.integer(1)) return move(study, StudyState::receiving, content_changed_note);
  const bool alone = studies_in_work == 1;
  const std::int64_t deaths = query.integer(2) + (alone ? 1 : 0);
  writer_.query("UPDATE studies SET tries = tries - 1, suspect = 1, deaths = ? WHERE id = ?", deaths, study)
      .run();
  if (deaths >= max_deaths) {
    move(study, StudyState::failed,
         "the server died " + std::to_string(deaths) +
             " times while it worked on this study and no other: set aside, see the log of those times");
  } else {
    move(study, StudyState::ready,
         alone
             ? "the server died at work on this study"
             : "the server died at work on " + std::to_string(studies_in_work) + " studies: next time alone");
  }
}

std::vector<std::string> SqliteStore::reclaim_expired(int max_tries, std::span<const Claim> held) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  auto lost = studies_in(writer_.query(
      "SELECT id, key FROM studies WHERE state = 'running' AND lease_expires_ms <= ?", now_ms()));
  for (const Claim& claim : held) lost.erase(claim.study);
  for (const auto& [study, key] : lost) end_lost_lease(study, max_tries);
  transaction.commit();
  return keys_of(lost);
}

std::vector<std::string> SqliteStore::reclaim_own(const std::string& owner, int max_deaths) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const auto lost = studies_in(
      writer_.query("SELECT id, key FROM studies WHERE state = 'running' AND lease_owner = ?", owner));
  for (const auto& [study, key] : lost) end_in_death(study, lost.size(), max_deaths);
  writer_.query("UPDATE deliveries SET lease_owner = '', may_have_arrived = 1 WHERE lease_owner = ?", owner)
      .run();
  transaction.commit();
  return keys_of(lost);
}

}  // namespace metserve::server
