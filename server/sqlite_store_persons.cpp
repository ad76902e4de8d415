// SqliteStore: what persons ask for, through the command line or HTTP.

#include <set>

#include "server/error.h"
#include "server/sqlite_store.h"

namespace metserve::server {
namespace {

bool is_set_aside(StudyState state) {
  return state == StudyState::held || state == StudyState::skipped || state == StudyState::failed;
}

bool has_result(StudyState state) {
  return state == StudyState::delivering || state == StudyState::done;
}

[[noreturn]] void refuse(const std::string& key, StudyState state, const std::string& what) {
  throw Error(Error::Kind::wrong_state,
              "study " + key + " is " + std::string(to_string(state)) + ": " + what);
}

}  // namespace

SqliteStore::Addressed SqliteStore::addressed(const std::string& key) {
  Query query = writer_.query("SELECT id, state FROM studies WHERE key = ?", key);
  if (!query.step()) throw Error(Error::Kind::not_found, "there is no study with the key '" + key + "'");
  return {query.integer(0), study_state_from(query.text(1)).value()};
}

/// A revision of its own: the results of this content before are another's.
void SqliteStore::rearm(std::int64_t study, const std::string& text) {
  writer_
      .query(R"sql(UPDATE studies SET revision = revision + 1, tries = 0, shortages = 0, suspect = 0,
               deaths = 0, not_before_ms = 0 WHERE id = ?)sql",
             study)
      .run();
  move(study, StudyState::ready, text);
}

void SqliteStore::retry_study(const std::string& key) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const auto [study, state] = addressed(key);
  if (!is_set_aside(state) && !has_result(state)) refuse(key, state, "it is segmented in any case");
  rearm(study, "again, by a person");
  transaction.commit();
}

void SqliteStore::release_study(const std::string& key, const SeriesDecisions& decisions) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const auto [study, state] = addressed(key);
  if (state != StudyState::held && decisions.empty()) refuse(key, state, "only a held study can be released");
  if (!is_set_aside(state) && !has_result(state)) {
    refuse(key, state, "series can be decided about once it was looked at");
  }
  decide_all(study, decisions);
  if (state == StudyState::held) {
    require_no_open_part(study);
    writer_
        .query(R"sql(INSERT OR IGNORE INTO decisions (study_id, series_instance_uid, slot)
                 SELECT study_id, series_instance_uid, '' FROM series
                 WHERE study_id = ? AND decision = 'ambiguous')sql",
               study)
        .run();
  }
  rearm(study, "released by a person, " + std::to_string(decisions.size()) + " series decided about");
  transaction.commit();
}

void SqliteStore::decide_all(std::int64_t study, const SeriesDecisions& decisions) {
  std::set<models::Slot> filled;
  for (const auto& [series, slot] : decisions) {
    Query there = writer_.query(
        "SELECT 1 FROM instances WHERE study_id = ? AND series_instance_uid = ? LIMIT 1", study, series);
    if (!there.step()) throw Error(Error::Kind::bad_call, "the study has no series " + series);
    if (slot && !filled.insert(*slot).second) {
      throw Error(Error::Kind::bad_call, "two series for " + std::string(models::id(*slot)));
    }
    decide(study, series, slot ? models::id(*slot) : "");
  }
}

/// Without a decision a series is left out as a whole, and a part of it that is used with it.
void SqliteStore::require_no_open_part(std::int64_t study) {
  Query open = writer_.query(R"sql(
    SELECT used.series_instance_uid, used.slot FROM series AS used JOIN series AS open
      ON open.study_id = used.study_id AND open.series_instance_uid = used.series_instance_uid
    WHERE used.study_id = ?1 AND used.decision = 'used' AND open.decision = 'ambiguous'
      AND used.series_instance_uid NOT IN (SELECT series_instance_uid FROM decisions WHERE study_id = ?1)
    LIMIT 1)sql",
                             study);
  if (!open.step()) return;
  throw Error(Error::Kind::bad_call,
              "series " + open.text(0) + ": one part of it is used for " + open.text(1) +
                  " and another is ambiguous: say which slot the series fills, or none");
}

/// Somebody's earlier choice for the same slot gives way.
void SqliteStore::decide(std::int64_t study, const std::string& series, std::string_view slot) {
  writer_.query("DELETE FROM decisions WHERE study_id = ? AND slot = ? AND slot != ''", study, slot).run();
  writer_
      .query("INSERT OR REPLACE INTO decisions (study_id, series_instance_uid, slot) VALUES (?, ?, ?)", study,
             series, slot)
      .run();
}

void SqliteStore::resend_study(const std::string& key, const std::vector<std::string>& destinations) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const auto [study, state] = addressed(key);
  if (!has_result(state)) refuse(key, state, "what it now holds has no result yet");
  int objects = 0;
  std::string to;
  for (const std::string& destination : destinations) {
    const int more = writer_
                         .query(
                             R"sql(UPDATE deliveries SET state = 'pending', tries = 0, reason = '',
          next_try_ms = ?1, changed_ms = ?1
        WHERE destination = ?2
          AND result_id = (SELECT id FROM results WHERE study_id = ?3 AND superseded_by = 0))sql",
                             now_ms(), destination, study)
                         .run();
    writer_
        .query(R"sql(DELETE FROM commitments WHERE delivery_id IN (
          SELECT deliveries.id FROM deliveries JOIN results ON results.id = result_id
          WHERE destination = ? AND study_id = ? AND superseded_by = 0))sql",
               destination, study)
        .run();
    if (more > 0) to += (objects > 0 ? ", " : "") + destination;
    objects += more;
  }
  if (objects == 0) {
    throw Error(Error::Kind::wrong_state,
                "study " + key + ": its result has nothing for " +
                    (destinations.size() == 1 ? destinations.front() : "a destination of the configuration"));
  }
  move(study, StudyState::delivering, std::to_string(objects) + " objects again to " + to + ", by a person");
  transaction.commit();
}

void SqliteStore::remove_study(const std::string& key) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  const auto [study, state] = addressed(key);
  if (state == StudyState::running) refuse(key, state, "delete it when that has ended");
  if (state == StudyState::receiving)  // what is still to come would be a study of its own
    refuse(key, state, "delete it when no images have come for study.quiet_time_s");
  writer_.query("DELETE FROM studies WHERE id = ?", study).run();
  transaction.commit();
}

}  // namespace metserve::server
