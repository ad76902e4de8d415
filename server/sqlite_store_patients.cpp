// SqliteStore: which studies are of one patient.

#include "server/sqlite_rows.h"
#include "server/sqlite_store.h"

namespace metserve::server {

void SqliteStore::record_patient(const Claim& claim, const PatientRecord& patient) {
  const std::scoped_lock lock(write_mutex_);
  Transaction transaction(writer_);
  content_changed(claim);
  writer_
      .query("UPDATE studies SET patient_key = ?, studied = ? WHERE id = ?", patient.key, patient.studied,
             claim.study)
      .run();
  transaction.commit();
}

std::optional<Predecessor> SqliteStore::predecessor(const PatientRecord& patient) {
  const std::scoped_lock lock(read_mutex_);
  Query found = reader_.query(R"sql(
    SELECT key, studied, directory FROM studies JOIN results ON results.study_id = studies.id
    WHERE patient_key = ? AND studied != '' AND studied < ? AND superseded_by = 0
    ORDER BY studied DESC LIMIT 1)sql",
                              patient.key, patient.studied);
  if (!found.step()) return std::nullopt;
  return Predecessor{found.text(0), found.text(1), found.text(2), images_of(reader_, found.text(0))};
}

}  // namespace metserve::server
