#include "server/sqlite_schema.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/error.h"

namespace metserve::server {
namespace {

/// Each brings a database from its index to the next version. Never changed once released.
/// Times are milliseconds since 1970-01-01 UTC; files are relative to the storage directory.
constexpr std::array steps{
    R"sql(
CREATE TABLE studies (
  id                 INTEGER PRIMARY KEY,
  key                TEXT NOT NULL UNIQUE,
  study_instance_uid TEXT NOT NULL UNIQUE,
  state              TEXT NOT NULL,
  reason             TEXT NOT NULL DEFAULT '',
  state_since_ms     INTEGER NOT NULL,
  revision           INTEGER NOT NULL DEFAULT 0,  -- counts the instances added, names the content
  first_received_ms  INTEGER NOT NULL,
  last_received_ms   INTEGER NOT NULL,
  tries              INTEGER NOT NULL DEFAULT 0,  -- claims of this revision
  not_before_ms      INTEGER NOT NULL DEFAULT 0,  -- a ready study waits until then
  lease              INTEGER NOT NULL DEFAULT 0,  -- counts the claims ever made
  lease_owner        TEXT NOT NULL DEFAULT '',
  lease_expires_ms   INTEGER NOT NULL DEFAULT 0,
  claimed_revision   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX studies_by_state ON studies (state, state_since_ms);

CREATE TABLE instances (
  sop_instance_uid    TEXT PRIMARY KEY,
  study_id            INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  series_instance_uid TEXT NOT NULL,
  sop_class_uid       TEXT NOT NULL,
  transfer_syntax_uid TEXT NOT NULL,
  modality            TEXT NOT NULL,
  calling_ae_title    TEXT NOT NULL,
  peer_address        TEXT NOT NULL,
  sha256              TEXT NOT NULL,
  bytes               INTEGER NOT NULL,
  file                TEXT NOT NULL,
  received_ms         INTEGER NOT NULL
);
CREATE INDEX instances_by_study ON instances (study_id);

-- Other bytes under a SOP Instance UID that was there already; kept, never used.
CREATE TABLE conflicts (
  sop_instance_uid TEXT NOT NULL REFERENCES instances (sop_instance_uid) ON DELETE CASCADE,
  sha256           TEXT NOT NULL,
  study_id         INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  calling_ae_title TEXT NOT NULL,
  file             TEXT NOT NULL,
  received_ms      INTEGER NOT NULL,
  PRIMARY KEY (sop_instance_uid, sha256)
);
CREATE INDEX conflicts_by_study ON conflicts (study_id);

CREATE TABLE results (
  id            INTEGER PRIMARY KEY,
  study_id      INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  revision      INTEGER NOT NULL,
  directory     TEXT NOT NULL,
  created_ms    INTEGER NOT NULL,
  superseded_by INTEGER NOT NULL DEFAULT 0,  -- id of the newer result, 0: this is the study's current one
  UNIQUE (study_id, revision)
);

CREATE TABLE deliveries (
  id               INTEGER PRIMARY KEY,
  result_id        INTEGER NOT NULL REFERENCES results (id) ON DELETE CASCADE,
  destination      TEXT NOT NULL,
  object           TEXT NOT NULL,
  file             TEXT NOT NULL,
  state            TEXT NOT NULL,
  tries            INTEGER NOT NULL DEFAULT 0,
  next_try_ms      INTEGER NOT NULL,
  reason           TEXT NOT NULL DEFAULT '',
  changed_ms       INTEGER NOT NULL,
  lease_owner      TEXT NOT NULL DEFAULT '',
  lease_expires_ms INTEGER NOT NULL DEFAULT 0,
  UNIQUE (result_id, destination, object)
);
CREATE INDEX deliveries_due ON deliveries (destination, state, next_try_ms);

CREATE TABLE history (
  id       INTEGER PRIMARY KEY,
  study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  time_ms  INTEGER NOT NULL,
  state    TEXT NOT NULL,
  note     TEXT NOT NULL
);
CREATE INDEX history_by_study ON history (study_id);
)sql",

    R"sql(
-- What the study's series were found to be by its last job.
CREATE TABLE series (
  study_id            INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  series_instance_uid TEXT NOT NULL,
  series_number       TEXT NOT NULL,  -- empty: none
  description         TEXT NOT NULL,
  images              INTEGER NOT NULL,
  slot                TEXT NOT NULL,  -- empty: none
  decision            TEXT NOT NULL,
  confidence          REAL NOT NULL,
  reason              TEXT NOT NULL,
  PRIMARY KEY (study_id, series_instance_uid)
);

-- What a person decided about a series; empty: that it fills no slot.
CREATE TABLE decisions (
  study_id            INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  series_instance_uid TEXT NOT NULL,
  slot                TEXT NOT NULL,
  PRIMARY KEY (study_id, series_instance_uid)
);
)sql",

    R"sql(
ALTER TABLE deliveries ADD COLUMN sop_instance_uid TEXT NOT NULL DEFAULT '';  -- once it is stored
ALTER TABLE deliveries ADD COLUMN transaction_uid TEXT NOT NULL DEFAULT '';   -- of storage commitment
CREATE INDEX deliveries_by_transaction ON deliveries (transaction_uid);
)sql",

    R"sql(
ALTER TABLE studies ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;  -- 1: the process died at work on this revision
ALTER TABLE studies ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;   -- of it while it worked on nothing else
)sql",

    R"sql(
-- Images that were made here for planning systems.
CREATE TABLE own_series (
  series_instance_uid TEXT PRIMARY KEY,
  study_id            INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE
);
CREATE INDEX own_series_by_study ON own_series (study_id);
)sql",

    R"sql(
ALTER TABLE studies ADD COLUMN patient_key TEXT NOT NULL DEFAULT '';  -- a hash; empty: not known
ALTER TABLE studies ADD COLUMN studied TEXT NOT NULL DEFAULT '';      -- date and time, as DICOM writes them
CREATE INDEX studies_by_patient ON studies (patient_key, studied);
)sql",

    R"sql(
-- For how long it has been finished, counted while the server runs; 0 when it moves on.
ALTER TABLE studies ADD COLUMN finished_ms INTEGER NOT NULL DEFAULT 0;
)sql",

    R"sql(
ALTER TABLE instances RENAME COLUMN sha256 TO digest;
ALTER TABLE conflicts RENAME COLUMN sha256 TO digest;
)sql",

    R"sql(
-- A SOP Instance UID that comes in two studies is an image of each of them.
CREATE TABLE study_instances (
  sop_instance_uid    TEXT NOT NULL,
  study_id            INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  series_instance_uid TEXT NOT NULL,
  sop_class_uid       TEXT NOT NULL,
  transfer_syntax_uid TEXT NOT NULL,
  modality            TEXT NOT NULL,
  calling_ae_title    TEXT NOT NULL,
  peer_address        TEXT NOT NULL,
  digest              TEXT NOT NULL,
  bytes               INTEGER NOT NULL,
  file                TEXT NOT NULL,
  received_ms         INTEGER NOT NULL,
  PRIMARY KEY (sop_instance_uid, study_id)
);
INSERT INTO study_instances SELECT * FROM instances;

CREATE TABLE study_conflicts (
  sop_instance_uid TEXT NOT NULL,
  digest           TEXT NOT NULL,
  study_id         INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  calling_ae_title TEXT NOT NULL,
  file             TEXT NOT NULL,
  received_ms      INTEGER NOT NULL,
  PRIMARY KEY (sop_instance_uid, digest)
);
-- One that came in another study was recorded with the first image's, though its file is in images/KEY of its own;
-- where there is no such study, the folder is discarded.
INSERT INTO study_conflicts
  SELECT sop_instance_uid, digest, studies.id, calling_ae_title, file, received_ms
  FROM conflicts JOIN studies ON key = substr(file, 8, 16);

DROP TABLE conflicts;
DROP TABLE instances;
ALTER TABLE study_instances RENAME TO instances;
ALTER TABLE study_conflicts RENAME TO conflicts;
CREATE INDEX instances_by_study ON instances (study_id);
CREATE INDEX conflicts_by_study ON conflicts (study_id);
)sql",

    R"sql(
-- The parts of a series, echoes for instance, are found to be different things.
CREATE TABLE series_parts (
  study_id            INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
  series_instance_uid TEXT NOT NULL,
  part                INTEGER NOT NULL,  -- counts those of the study
  series_number       TEXT NOT NULL,     -- empty: none
  description         TEXT NOT NULL,
  images              INTEGER NOT NULL,
  slot                TEXT NOT NULL,     -- empty: none
  decision            TEXT NOT NULL,
  confidence          REAL NOT NULL,
  reason              TEXT NOT NULL,
  PRIMARY KEY (study_id, series_instance_uid, part)
);
INSERT INTO series_parts
  SELECT study_id, series_instance_uid, 0, series_number, description, images, slot, decision, confidence, reason
  FROM series;
DROP TABLE series;
ALTER TABLE series_parts RENAME TO series;

-- The number of the last claim, of a study or of deliveries. Ids of what was deleted are given out again, numbers of
-- claims never: a late worker has no hold on what has come in its study's place.
CREATE TABLE claims (last INTEGER NOT NULL);
INSERT INTO claims SELECT IFNULL(MAX(lease), 0) FROM studies;
ALTER TABLE deliveries ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
)sql",

    R"sql(
-- Requests for storage commitment. A later one does not end those before: a report may take longer than the wait.
CREATE TABLE commitments (
  transaction_uid TEXT NOT NULL,
  delivery_id     INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  PRIMARY KEY (transaction_uid, delivery_id)
);
CREATE INDEX commitments_by_delivery ON commitments (delivery_id);
INSERT INTO commitments SELECT transaction_uid, id FROM deliveries WHERE transaction_uid != '';
DROP INDEX deliveries_by_transaction;
ALTER TABLE deliveries DROP COLUMN transaction_uid;
)sql",

    R"sql(
-- 1: the destination has had it, or an answer to it was lost; whatever became of it since.
ALTER TABLE deliveries ADD COLUMN may_have_arrived INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET may_have_arrived = 1 WHERE state IN ('delivered', 'stored') OR sop_instance_uid != '';
-- Tries of this revision that ended for lack of something that comes back; no others count them.
ALTER TABLE studies ADD COLUMN shortages INTEGER NOT NULL DEFAULT 0;
)sql",
};
constexpr auto schema_version = static_cast<std::int64_t>(steps.size());

}  // namespace

std::int64_t current_schema() {
  return schema_version;
}

std::int64_t schema_of(Database& database) {
  Query query = database.query("PRAGMA user_version");
  const std::int64_t version = query.step() ? query.integer(0) : 0;
  if (version > schema_version) {
    throw Error(Error::Kind::io, "the database has schema " + std::to_string(version) +
                                     ", this program knows " + std::to_string(schema_version) +
                                     ": install the newer program again");
  }
  return version;
}

void prepare_schema(Database& database) {
  Transaction transaction(database);
  for (std::int64_t next = schema_of(database); next < schema_version; ++next) {
    database.execute(steps.at(static_cast<std::size_t>(next)));
  }
  database.execute(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
  transaction.commit();
}

}  // namespace metserve::server
