// What the store's three jobs share, and the views; receiving, working and delivering have files of their
// own.

#include "server/sqlite_store.h"

#include <utility>

#include "server/error.h"
#include "server/sqlite_schema.h"

namespace metserve::server {
namespace {

TimePoint from_ms(std::int64_t ms) {
  return TimePoint(std::chrono::milliseconds(ms));
}

constexpr const char* summary_columns_by_state = R"sql(
SELECT key, study_instance_uid, state, reason, tries, first_received_ms, last_received_ms, state_since_ms,
  (SELECT COUNT(*) FROM instances WHERE study_id = studies.id),
  (SELECT COUNT(DISTINCT series_instance_uid) FROM instances WHERE study_id = studies.id),
  (SELECT IFNULL(SUM(bytes), 0) FROM instances WHERE study_id = studies.id),
  (SELECT COUNT(*) FROM conflicts WHERE study_id = studies.id)
FROM studies WHERE (?1 = '' OR state = ?1) AND (?2 = '' OR key = ?2)
ORDER BY last_received_ms DESC, id DESC LIMIT ?3
)sql";

StudySummary summary_from(const Query& row) {
  StudySummary summary;
  summary.key = row.text(0);
  summary.study_instance_uid = row.text(1);
  summary.state = study_state_from(row.text(2)).value();
  summary.reason = row.text(3);
  summary.tries = static_cast<int>(row.integer(4));
  summary.first_received = from_ms(row.integer(5));
  summary.last_received = from_ms(row.integer(6));
  summary.state_since = from_ms(row.integer(7));
  summary.instances = static_cast<int>(row.integer(8));
  summary.series = static_cast<int>(row.integer(9));
  summary.bytes = static_cast<std::uint64_t>(row.integer(10));
  summary.conflicts = static_cast<int>(row.integer(11));
  return summary;
}

std::vector<StudySummary> summaries(Database& database, std::string_view state, std::string_view key,
                                    std::int64_t limit) {
  std::vector<StudySummary> all;
  Query query = database.query(summary_columns_by_state, state, key, limit);
  while (query.step()) all.push_back(summary_from(query));
  return all;
}

std::vector<DeliverySummary> deliveries_of(Database& database, const std::string& key) {
  std::vector<DeliverySummary> all;
  Query query = database.query(R"sql(
    SELECT destination, object, deliveries.state, deliveries.tries, next_try_ms, changed_ms, deliveries.reason
    FROM deliveries JOIN results ON results.id = result_id JOIN studies ON studies.id = study_id
    WHERE key = ? ORDER BY deliveries.id)sql",
                               key);
  while (query.step()) {
    all.push_back({query.text(0), query.text(1), delivery_state_from(query.text(2)).value(),
                   static_cast<int>(query.integer(3)), from_ms(query.integer(4)), from_ms(query.integer(5)),
                   query.text(6)});
  }
  return all;
}

std::vector<HistoryEntry> history_of(Database& database, const std::string& key) {
  std::vector<HistoryEntry> all;
  Query query = database.query(R"sql(
    SELECT time_ms, history.state, note FROM history JOIN studies ON studies.id = study_id
    WHERE key = ? ORDER BY history.id)sql",
                               key);
  while (query.step()) {
    all.push_back({from_ms(query.integer(0)), study_state_from(query.text(1)).value(), query.text(2)});
  }
  return all;
}

}  // namespace

SqliteStore::SqliteStore(const std::filesystem::path& file, dicom::Clock clock)
    : clock_(std::move(clock)), writer_(file), reader_(file) {
  prepare_schema(writer_);
}

std::int64_t SqliteStore::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_().time_since_epoch()).count();
}

void SqliteStore::move(std::int64_t study, StudyState to, const std::string& text) {
  const bool is_reason = to == StudyState::held || to == StudyState::skipped || to == StudyState::failed;
  writer_
      .query("UPDATE studies SET state = ?, reason = ?, state_since_ms = ? WHERE id = ?", to_string(to),
             is_reason ? text : std::string(), now_ms(), study)
      .run();
  note(study, text);
}

void SqliteStore::note(std::int64_t study, const std::string& text) {
  writer_
      .query(R"sql(INSERT INTO history (study_id, time_ms, state, note)
               SELECT id, ?, state, ? FROM studies WHERE id = ?)sql",
             now_ms(), text, study)
      .run();
}

std::vector<StudySummary> SqliteStore::studies(std::optional<StudyState> state, int limit) {
  const std::scoped_lock lock(read_mutex_);
  return summaries(reader_, state ? to_string(*state) : "", "", limit);
}

std::optional<StudyDetails> SqliteStore::study(const std::string& key) {
  const std::scoped_lock lock(read_mutex_);
  const auto found = summaries(reader_, "", key, 1);
  if (key.empty() || found.empty()) return std::nullopt;
  return StudyDetails{found.front(), deliveries_of(reader_, key), history_of(reader_, key)};
}

StoreCounts SqliteStore::counts() {
  const std::scoped_lock lock(read_mutex_);
  StoreCounts counts;
  Query studies = reader_.query("SELECT state, COUNT(*) FROM studies GROUP BY state");
  while (studies.step()) {
    counts.studies[study_state_from(studies.text(0)).value()] = static_cast<int>(studies.integer(1));
  }
  Query deliveries = reader_.query("SELECT state, COUNT(*) FROM deliveries GROUP BY state");
  while (deliveries.step()) {
    counts.deliveries[delivery_state_from(deliveries.text(0)).value()] =
        static_cast<int>(deliveries.integer(1));
  }
  return counts;
}

void SqliteStore::check_writable() {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  writer_.query("UPDATE studies SET id = id WHERE id = (SELECT MIN(id) FROM studies)").run();
  transaction.commit();
}

std::vector<std::string> SqliteStore::finished_before(TimePoint before) {
  const std::scoped_lock lock(read_mutex_);
  const std::int64_t before_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(before.time_since_epoch()).count();
  std::vector<std::string> found;
  Query query = reader_.query(R"sql(
    SELECT key FROM studies WHERE state_since_ms < ? AND (state IN ('done', 'held', 'skipped', 'failed')
      OR (state = 'delivering' AND NOT EXISTS (SELECT 1 FROM results JOIN deliveries ON result_id = results.id
            WHERE study_id = studies.id AND deliveries.state = 'pending'))))sql",
                              before_ms);
  while (query.step()) found.push_back(query.text(0));
  return found;
}

bool SqliteStore::forget(const std::string& key) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const int rows =
      writer_
          .query("DELETE FROM studies WHERE key = ? AND state NOT IN ('receiving', 'ready', 'running')", key)
          .run();
  transaction.commit();
  return rows > 0;
}

std::vector<std::string> SqliteStore::keys() {
  const std::scoped_lock lock(read_mutex_);
  std::vector<std::string> all;
  Query query = reader_.query("SELECT key FROM studies");
  while (query.step()) all.push_back(query.text(0));
  return all;
}

}  // namespace metserve::server
