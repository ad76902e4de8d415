// What the store's three jobs share, and the views; receiving, working and delivering have files of their
// own.

#include "server/sqlite_store.h"

#include <algorithm>
#include <utility>

#include "server/error.h"
#include "server/sqlite_rows.h"
#include "server/sqlite_schema.h"

namespace metserve::server {
namespace {

/// /readyz answers within two seconds.
constexpr std::chrono::milliseconds probe_patience{1500};

/// Of a study for which nothing is left to do: it ages, and is forgotten one day.
constexpr const char* at_rest = R"sql((state IN ('done', 'held', 'skipped', 'failed')
      OR (state = 'delivering' AND NOT EXISTS (SELECT 1 FROM results JOIN deliveries ON result_id = results.id
            WHERE study_id = studies.id AND deliveries.state IN ('pending', 'stored')))))sql";

/// Studies are chosen first and their images counted then: a list of a hundred looks at no others.
constexpr const char* summaries_where = R"sql(
WITH chosen AS MATERIALIZED (
  SELECT * FROM studies
  WHERE (?1 = '' OR state = ?1) AND (?2 = '' OR key = ?2)
    AND (NOT ?3 OR state IN ('held', 'failed') OR EXISTS (
      SELECT 1 FROM results JOIN deliveries ON result_id = results.id
      WHERE study_id = studies.id AND superseded_by = 0 AND deliveries.state = 'attention'))
  ORDER BY last_received_ms DESC, id DESC LIMIT ?4)
SELECT key, study_instance_uid, state, reason, tries, first_received_ms, last_received_ms, state_since_ms,
  (SELECT COUNT(*) FROM instances WHERE study_id = chosen.id),
  (SELECT COUNT(DISTINCT series_instance_uid) FROM instances WHERE study_id = chosen.id),
  (SELECT IFNULL(SUM(bytes), 0) FROM instances WHERE study_id = chosen.id),
  (SELECT COUNT(*) FROM conflicts WHERE study_id = chosen.id),
  (SELECT COUNT(*) FROM results JOIN deliveries ON result_id = results.id
    WHERE study_id = chosen.id AND superseded_by = 0 AND deliveries.state IN ('pending', 'stored')),
  (SELECT COUNT(*) FROM results JOIN deliveries ON result_id = results.id
    WHERE study_id = chosen.id AND superseded_by = 0 AND deliveries.state = 'attention')
FROM chosen ORDER BY last_received_ms DESC, id DESC
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
  summary.undelivered = static_cast<int>(row.integer(12));
  summary.attention = static_cast<int>(row.integer(13));
  return summary;
}

std::vector<StudySummary> summaries(Database& database, std::string_view key, const StudyFilter& filter) {
  std::vector<StudySummary> all;
  Query query = database.query(summaries_where, filter.state ? to_string(*filter.state) : "", key,
                               std::int64_t{filter.needs_attention}, std::int64_t{filter.limit});
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

std::vector<SeriesFinding> series_of(Database& database, const std::string& key) {
  std::vector<SeriesFinding> all;
  Query query = database.query(R"sql(
    SELECT series_instance_uid, series_number, description, images, slot, decision, confidence, series.reason
    FROM series JOIN studies ON studies.id = study_id
    WHERE key = ? ORDER BY CAST(series_number AS INTEGER), series_instance_uid, part)sql",
                               key);
  while (query.step()) {
    const bool numbered = !query.text(1).empty();
    all.push_back({query.text(0), numbered ? std::optional(static_cast<int>(query.integer(1))) : std::nullopt,
                   query.text(2), static_cast<int>(query.integer(3)), models::slot_from_id(query.text(4)),
                   query.text(5), query.real(6), query.text(7)});
  }
  return all;
}

std::vector<ResultSummary> results_of(Database& database, const std::string& key) {
  std::vector<ResultSummary> all;
  Query query = database.query(R"sql(
    SELECT results.revision, created_ms, superseded_by,
      EXISTS (SELECT 1 FROM deliveries
        WHERE result_id = results.id AND (may_have_arrived OR lease_owner != '')),
      EXISTS (SELECT 1 FROM deliveries
        WHERE result_id = results.id AND (may_have_arrived OR lease_owner != '') AND object IN ('seg', 'rtstruct'))
    FROM results JOIN studies ON studies.id = study_id WHERE key = ? ORDER BY results.id)sql",
                               key);
  while (query.step())
    all.push_back({query.integer(0), from_ms(query.integer(1)), query.integer(2) != 0, query.integer(3) != 0,
                   query.integer(4) != 0});
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

SeriesDecisions decisions_of(Database& database, const std::string& key) {
  SeriesDecisions decisions;
  Query query = database.query(R"sql(
    SELECT series_instance_uid, slot FROM decisions JOIN studies ON studies.id = study_id WHERE key = ?)sql",
                               key);
  while (query.step()) decisions[query.text(0)] = models::slot_from_id(query.text(1));
  return decisions;
}

SqliteStore::SqliteStore(const std::filesystem::path& file, dicom::Clock clock)
    : clock_(std::move(clock)), writer_(file), reader_(file), lookup_(file), probe_(file, probe_patience) {
  prepare_schema(writer_);
}

std::int64_t SqliteStore::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_().time_since_epoch()).count();
}

void SqliteStore::move(std::int64_t study, StudyState to, const std::string& text) {
  const bool is_reason = to == StudyState::held || to == StudyState::skipped || to == StudyState::failed;
  writer_
      .query("UPDATE studies SET state = ?, reason = ?, state_since_ms = ?, finished_ms = 0 WHERE id = ?",
             to_string(to), is_reason ? text : std::string(), now_ms(), study)
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

std::vector<StudySummary> SqliteStore::studies(const StudyFilter& filter) {
  const std::scoped_lock lock(read_mutex_);
  return summaries(reader_, "", filter);
}

std::optional<StudyDetails> SqliteStore::study(const std::string& key) {
  const std::scoped_lock lock(read_mutex_);
  const auto found = summaries(reader_, key, {});
  if (key.empty() || found.empty()) return std::nullopt;
  return StudyDetails{found.front(),
                      series_of(reader_, key),
                      decisions_of(reader_, key),
                      results_of(reader_, key),
                      deliveries_of(reader_, key),
                      history_of(reader_, key)};
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
  Query oldest = reader_.query(R"sql(SELECT COALESCE(MAX(?1 - created_ms), 0) FROM deliveries
    JOIN results ON results.id = result_id WHERE state IN ('pending', 'stored'))sql",
                               now_ms());
  if (oldest.step())
    counts.longest_wait = std::chrono::milliseconds(std::max<std::int64_t>(0, oldest.integer(0)));
  return counts;
}

void SqliteStore::check_writable() {
  const std::scoped_lock lock(probe_mutex_);
  Transaction transaction(probe_);
  std::int64_t version = 0;
  if (Query query = probe_.query("PRAGMA user_version"); query.step()) version = query.integer(0);
  // The same again: the first page is written and synced whatever else there is.
  probe_.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
  transaction.commit();
}

void SqliteStore::age_finished(std::chrono::milliseconds elapsed) {
  const std::scoped_lock lock(write_mutex_);
  static const std::string sql =
      std::string("UPDATE studies SET finished_ms = finished_ms + ? WHERE ") + at_rest;
  writer_.query(sql.c_str(), std::int64_t{elapsed.count()}).run();
}

std::vector<std::string> SqliteStore::finished_for(std::chrono::milliseconds age) {
  const std::scoped_lock lock(read_mutex_);
  std::vector<std::string> found;
  static const std::string sql = std::string("SELECT key FROM studies WHERE finished_ms >= ? AND ") + at_rest;
  Query query = reader_.query(sql.c_str(), std::int64_t{age.count()});
  while (query.step()) found.push_back(query.text(0));
  return found;
}

bool SqliteStore::forget(const std::string& key, std::chrono::milliseconds age) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  static const std::string sql =
      std::string("DELETE FROM studies WHERE key = ? AND finished_ms >= ? AND ") + at_rest;
  const int rows = writer_.query(sql.c_str(), key, std::int64_t{age.count()}).run();
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
