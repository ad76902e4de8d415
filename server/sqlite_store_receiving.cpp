// SqliteStore: instances come in, studies fall quiet.

#include "server/error.h"
#include "server/hash.h"
#include "server/sqlite_store.h"

namespace metserve::server {

std::optional<AddOutcome> SqliteStore::known(const std::string& sop_instance_uid, const std::string& digest) {
  const std::scoped_lock lock(lookup_mutex_);
  // A digest is of the Study Instance UID, too: what has the same one is in the same study.
  Query used = lookup_.query("SELECT 1 FROM instances WHERE sop_instance_uid = ? AND digest = ?",
                             sop_instance_uid, digest);
  if (used.step()) return AddOutcome::duplicate;
  Query kept = lookup_.query("SELECT 1 FROM conflicts WHERE sop_instance_uid = ? AND digest = ?",
                             sop_instance_uid, digest);
  if (kept.step()) return AddOutcome::conflict;
  return std::nullopt;
}

std::vector<AddOutcome> SqliteStore::add_instances(std::span<const InstanceRecord> instances) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  std::vector<AddOutcome> outcomes;
  outcomes.reserve(instances.size());
  for (const InstanceRecord& instance : instances) outcomes.push_back(add(instance));
  transaction.commit();
  return outcomes;
}

AddOutcome SqliteStore::add(const InstanceRecord& instance) {
  const std::int64_t study = study_for(instance);
  Query there = writer_.query("SELECT digest FROM instances WHERE sop_instance_uid = ? AND study_id = ?",
                              instance.sop_instance_uid, study);
  if (there.step()) {
    if (there.text(0) == instance.digest) return AddOutcome::duplicate;
    writer_
        .query(R"sql(INSERT OR IGNORE INTO conflicts
                 (sop_instance_uid, digest, study_id, calling_ae_title, file, received_ms)
                 VALUES (?, ?, ?, ?, ?, ?))sql",
               instance.sop_instance_uid, instance.digest, study, instance.calling_ae_title,
               instance.file.string(), now_ms())
        .run();
    return AddOutcome::conflict;
  }
  writer_
      .query(R"sql(INSERT INTO instances
               (sop_instance_uid, study_id, series_instance_uid, sop_class_uid, transfer_syntax_uid, modality,
                calling_ae_title, peer_address, digest, bytes, file, received_ms)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))sql",
             instance.sop_instance_uid, study, instance.series_instance_uid, instance.sop_class_uid,
             instance.transfer_syntax_uid, instance.modality, instance.calling_ae_title,
             instance.peer_address, instance.digest, static_cast<std::int64_t>(instance.bytes),
             instance.file.string(), now_ms())
      .run();
  count_new_instance(study, instance);
  return AddOutcome::added;
}

std::int64_t SqliteStore::study_for(const InstanceRecord& instance) {
  Query there =
      writer_.query("SELECT id FROM studies WHERE study_instance_uid = ?", instance.study_instance_uid);
  if (there.step()) return there.integer(0);
  writer_
      .query(R"sql(INSERT INTO studies
               (key, study_instance_uid, state, state_since_ms, first_received_ms, last_received_ms)
               VALUES (?, ?, 'receiving', ?, ?, ?))sql",
             study_key(instance.study_instance_uid), instance.study_instance_uid, now_ms(), now_ms(),
             now_ms())
      .run();
  const std::int64_t study = writer_.last_insert_id();
  move(study, StudyState::receiving, "first image, from " + instance.calling_ae_title);
  return study;
}

bool SqliteStore::is_own(const InstanceRecord& instance) {
  return writer_.query("SELECT 1 FROM own_series WHERE series_instance_uid = ?", instance.series_instance_uid)
      .step();
}

void SqliteStore::count_new_instance(std::int64_t study, const InstanceRecord& instance) {
  Query query = writer_.query("SELECT state FROM studies WHERE id = ?", study);
  if (!query.step()) throw Error(Error::Kind::io, "a study vanished while an image was added to it");
  const StudyState state = study_state_from(query.text(0)).value();
  // Only MR images are segmented: anything else that comes late would give the same result once more.
  if (state != StudyState::receiving && (instance.modality != "MR" || is_own(instance))) return;
  writer_
      .query(
          R"sql(UPDATE studies SET revision = revision + 1, last_received_ms = ?, tries = 0, shortages = 0,
               suspect = 0, deaths = 0, not_before_ms = 0 WHERE id = ?)sql",
          now_ms(), study)
      .run();
  if (state == StudyState::receiving || state == StudyState::running) return;
  move(study, StudyState::receiving, "late image");
}

std::vector<std::string> SqliteStore::make_quiet_studies_ready(std::chrono::milliseconds quiet) {
  const std::scoped_lock lock(write_mutex_);
  std::vector<std::pair<std::int64_t, std::string>> found;
  // What came long after now came before the clock jumped back.
  Query query = writer_.query(R"sql(SELECT id, key FROM studies WHERE state = 'receiving'
                                    AND (last_received_ms <= ? OR last_received_ms > ?)
                                    ORDER BY last_received_ms)sql",
                              now_ms() - quiet.count(), now_ms() + quiet.count());
  while (query.step()) found.emplace_back(query.integer(0), query.text(1));
  std::vector<std::string> ready;
  if (found.empty()) return ready;
  Transaction transaction(writer_);
  for (const auto& [study, key] : found) {
    move(study, StudyState::ready, "quiet");
    ready.push_back(key);
  }
  transaction.commit();
  return ready;
}

}  // namespace metserve::server
