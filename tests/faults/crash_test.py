#!/usr/bin/python3
"""kill -9 at random moments under load from eight associations, each time with what was not synced thrown away. In the
end every acknowledged image is there, byte for byte; every study came to its end; nothing lies around that the database
does not know; and the destination has one object of each kind for each result.

usage: crash_test.py METSERVE FAULT_FIXTURES DIRECTORY --library POWER_CUT [--rounds 200] [--minutes N] [--seed N] [--results 12]"""

import argparse
import collections
import hashlib
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pydicom

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
from load import Acknowledged, Sender, make_fixtures, small_study  # noqa: E402 pylint: disable=wrong-import-position
from power_cut import PowerCut  # noqa: E402 pylint: disable=wrong-import-position
from rig import MetServe, StoreScp, running, wait_for  # noqa: E402 pylint: disable=wrong-import-position

ASSOCIATIONS = 8


class Studies:
    """Hands out studies to the senders: `results` that are segmented, spread over many that are skipped."""

    def __init__(self, template, results, rounds):
        self.template, self.left = template, results
        self.every = max(1, rounds * 6 // max(results, 1))
        self.count, self.lock, self.closed = 0, threading.Lock(), False
        self.with_result = []

    def next(self):
        with self.lock:
            if self.closed:
                return None
            self.count += 1
            root = f"1.2.826.0.1.3680043.9.{self.count}"
            if self.left == 0 or self.count % self.every != 0:
                return small_study(root)
            self.left -= 1
            self.with_result.append(root)
            return self.template.study(root)


def query(server, sql):
    with sqlite3.connect(f"file:{server.directory}/state/metserve.db?mode=ro", uri=True, timeout=30) as database:
        return database.execute(sql).fetchall()


def crash_rounds(server, cut, acknowledged, given, chance):
    """Starts, waits for some acknowledgements, kills and loses what was not synced. Returns how often."""
    end = time.monotonic() + 60 * given.minutes
    for count in range(given.rounds):
        if time.monotonic() > end:
            return count
        before = len(acknowledged.images)
        server.start(environment=cut.environment(), wait=False)
        if chance.random() < 0.25:  # in the middle of the start, or of filing what the last run left
            time.sleep(chance.uniform(0, 2))
        else:
            acknowledged.wait_for(before + chance.randint(1, 150), 120)
            time.sleep(chance.uniform(0, 0.05))
        assert server.running(), "metserve ended by itself:\n" + server.log.read_text()[-3000:]
        server.stop(signal.SIGKILL)
        cut.lose_unsynced(keep_share=chance.choice([0, 0, 0.5]), seed=chance.random())
        if (count + 1) % 10 == 0:
            print(f"round {count + 1}: {len(acknowledged.images)} images acknowledged", flush=True)
    return given.rounds


def retry_set_aside(server):
    """Studies whose worker was killed twice wait for a person, as they should: here is one. Returns how many they were."""
    rows = query(server, "SELECT key FROM studies WHERE state = 'failed' AND reason LIKE '%set aside%'")
    for key, in rows:
        subprocess.run([server.program, "studies", "retry", key, "--config", server.configuration], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
    return len(rows)


def unfinished(server):
    rows = query(server, """SELECT state, COUNT(*) FROM studies WHERE state NOT IN ('done', 'skipped')
                            AND NOT (state = 'failed' AND reason LIKE '%set aside%') GROUP BY state""")
    return dict(rows)


def finish(server, patience):
    """Until all studies are at their end. Returns how many a person had to try again."""
    aside = 0
    try:
        wait_for(lambda: not unfinished(server), patience, "all studies at their end")
        aside = retry_set_aside(server)
        wait_for(lambda: not unfinished(server), patience, "those tried again at their end")
    except TimeoutError as error:
        print(error, unfinished(server))
    return aside


def check_images(server, acknowledged):
    """Every acknowledged image, and no file that is not known."""
    state = server.directory / "state"
    stored = dict(query(server, "SELECT sop_instance_uid, file FROM instances"))
    wrong = []
    for instance, digest in acknowledged.images.items():
        file = state / stored[instance] if instance in stored else None
        if file is None or not file.exists():
            wrong.append(f"{instance} is gone")
            continue
        data = file.read_bytes()
        meta = int.from_bytes(data[140:144], "little")
        if hashlib.sha256(data[144 + meta:]).hexdigest() != digest:
            wrong.append(f"{instance} has other bytes")
    known = {str(state / file) for file in stored.values()}
    known |= {str(state / file) for file, in query(server, "SELECT file FROM conflicts")}
    orphans = [str(file) for folder in ("images", "lost", "trash") for file in (state / folder).rglob("*")
               if file.is_file() and str(file) not in known]
    return wrong, orphans


def check_results(server, studies):
    """One current result for each study that is to have one, of all its images, and no other one."""
    wrong = []
    rows = query(server, """SELECT study_instance_uid, studies.state, studies.revision, COUNT(results.id),
                            SUM(superseded_by = 0), MAX(results.revision) FROM studies
                            LEFT JOIN results ON study_id = studies.id GROUP BY studies.id""")
    for uid, state, revision, results, current, newest in rows:
        expected = uid in studies.with_result
        if state != ("done" if expected else "skipped"):
            wrong.append(f"{uid} is {state}")
        elif expected and (current != 1 or newest != revision):
            wrong.append(f"{uid} has {current} current results of {results}, the newest of revision {newest}")
        elif not expected and results:
            wrong.append(f"{uid} has a result")
    return wrong


def check_destination(server, archive):
    """By study and kind: as many different objects as there were results delivered. Returns what is wrong, and how many
    objects came more than once, with the same UID and bytes."""
    delivered = dict(((uid, kind), count) for uid, kind, count in query(server, """
        SELECT study_instance_uid, object, COUNT(*) FROM deliveries JOIN results ON results.id = result_id
        JOIN studies ON studies.id = study_id WHERE deliveries.state = 'delivered' GROUP BY 1, 2"""))
    found, again, wrong = collections.defaultdict(dict), 0, []
    names = {"SEG": "seg", "RTSTRUCT": "rtstruct", "SR": "report"}
    for file in archive.directory.iterdir():
        dataset = pydicom.dcmread(file)
        data = dataset.to_json()
        known = found[(dataset.StudyInstanceUID, names[dataset.Modality])]
        if known.setdefault(dataset.SOPInstanceUID, data) != data:
            wrong.append(f"{dataset.SOPInstanceUID} came with different contents")
        again += 1
    again -= sum(len(objects) for objects in found.values())
    for key, count in delivered.items():
        if len(found[key]) != count:
            wrong.append(f"{key}: {count} delivered, {len(found[key])} at the destination")
    wrong += [f"{key}: at the destination, not recorded" for key in found if key not in delivered]
    return wrong, again


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "fixtures", "directory"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--library", type=pathlib.Path, required=True, help="built from power_cut.cpp")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=1e6, help="no further round after so long")
    parser.add_argument("--results", type=int, default=12, help="studies that are segmented")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=int, default=1800, help="seconds for all studies to come to their end")
    return parser.parse_args()


def main():
    given = arguments()
    shutil.rmtree(given.directory, ignore_errors=True)
    given.directory.mkdir(parents=True)
    model, template = make_fixtures(given.fixtures, given.directory / "fixtures")
    archive = StoreScp(given.directory / "archive")
    server = MetServe(given.program.resolve(), model, given.directory / "server", [archive], quiet_time_s=2, start=False,
                      more="workers:\n  threads: 2\nlog:\n  level: warning\n")
    (server.directory / "state").mkdir()
    cut = PowerCut(given.library.resolve(), server.directory / "state", given.directory / "shadow")
    studies, acknowledged = Studies(template, given.results, given.rounds), Acknowledged()
    senders = [Sender(server.dicom_port, studies.next, acknowledged) for _ in range(ASSOCIATIONS)]
    begin = time.monotonic()
    with running(archive):
        for sender in senders:
            sender.start()
        rounds = crash_rounds(server, cut, acknowledged, given, random.Random(given.seed))
        server.start()
        with running(server):
            studies.closed = True
            for sender in senders:
                sender.join(300)
                assert not sender.is_alive(), "a sender does not come to its end"

            aside = finish(server, given.patience)
        missing, orphans = check_images(server, acknowledged)
        results = check_results(server, studies)
        destination, again = check_destination(server, archive)
    print(f"kill -9 {rounds} times, images acknowledged {len(acknowledged.images)}, studies {studies.count}, "
          f"with result {len(studies.with_result)}, {time.monotonic() - begin:.0f} s")
    print(f"images lost or changed {len(missing)}, orphans {len(orphans)}, studies not at their end {len(results)}, "
          f"wrong at the destination {len(destination)}, sent again with the same UID {again}, "
          f"tried again by a person after two kills {aside}")
    for line in (missing + orphans + results + destination)[:20]:
        print("  " + line)
    return 1 if missing or orphans or results or destination else 0


if __name__ == "__main__":
    sys.exit(main())
