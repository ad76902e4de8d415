#!/usr/bin/python3
"""Bad days of a running server, with real peers: destinations that are away, refuse, warn or hang; a database that is
locked or damaged; a clock that jumps back; a full disk; a disk that fails; a worker that is killed; a model that is replaced;
studies without use, twice at once, and very many. One line for each.

usage: fault_test.py METSERVE FAULT_FIXTURES DIRECTORY --library BAD_DAY [--only NAME ...] [--queued 10000]"""

import argparse
import errno
import os
import pathlib
import shutil
import signal
import sqlite3
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
from answering_scp import AnsweringScp  # noqa: E402 pylint: disable=wrong-import-position
from load import Acknowledged, Sender, make_fixtures, small_study  # noqa: E402 pylint: disable=wrong-import-position
from rig import MetServe, StoreScp, free_port, get, running, wait_for  # noqa: E402 pylint: disable=wrong-import-position
from wire import Peer  # noqa: E402 pylint: disable=wrong-import-position

PATIENCE = 240
SOON = "    retry:\n      first_s: 1\n      cap_s: 2"


class Away:
    """A destination where nobody listens."""

    def __init__(self, ae_title):
        self.ae_title, self.dicom_port = ae_title, free_port()


class Case:
    """One server in a directory of its own, and what is looked at in it."""

    def __init__(self, given, name, destinations=(), **options):
        self.directory = given.directory / name
        self.state = self.directory / "state"
        self.fault = self.directory / "fault"
        options.setdefault("more", "workers:\n  threads: 2\n")
        options.setdefault("quiet_time_s", 1)
        model = self.directory / "model"
        shutil.copytree(given.model, model)
        self.server = MetServe(given.program.resolve(), model, self.directory, destinations, start=False,
                               retry=SOON, **options)
        self.environment = {**os.environ, "LD_PRELOAD": str(given.library.resolve()), "BAD_DAY_FILE": str(self.fault),
                            "BAD_DAY_DIRECTORY": str(self.state)}

    def start(self):
        self.server.start(environment=self.environment)
        return running(self.server)

    def send(self, images):
        """The statuses."""
        with Peer(self.server.dicom_port, seconds=60) as peer:
            peer.associate()
            statuses = [peer.store(dataset, instance) for instance, dataset in images]
            peer.release()
        return statuses

    def query(self, sql, *values):
        with sqlite3.connect(f"file:{self.state}/metserve.db?mode=ro", uri=True, timeout=30) as database:
            return database.execute(sql, values).fetchall()

    def study(self, root):
        """(state, reason); unknown until its first image, long acknowledged, is filed."""
        rows = self.query("SELECT state, reason FROM studies WHERE study_instance_uid = ?", root)
        return rows[0] if rows else ("unknown", "")

    def reaches(self, root, state, patience=PATIENCE):
        wait_for(lambda: self.study(root)[0] == state, patience, f"study {root} {state}, not {self.study(root)}")

    def deliveries(self, root):
        """State of each delivery by destination."""
        return dict(self.query("""SELECT destination, MIN(deliveries.state) FROM deliveries
            JOIN results ON results.id = result_id JOIN studies ON studies.id = study_id
            WHERE study_instance_uid = ? GROUP BY destination HAVING COUNT(DISTINCT deliveries.state) = 1""", root))


def destinations(given):
    """Away, refusing, warning and hanging ones beside one that is well."""
    folder = given.directory / "destinations"
    away, well = Away("AWAY"), StoreScp(folder / "well", "WELL")
    refusing = StoreScp(folder / "refusing", "REFUSING", "--refuse")
    warning, hanging = AnsweringScp("WARNING", 0xB000), AnsweringScp("HANGING", None)
    busy = AnsweringScp("BUSY", 0xA700)
    case = Case(given, "destinations", [away, well, refusing, warning, hanging, busy])
    with running(well), running(refusing), case.start():
        root = "1.2.50"
        assert set(case.send(given.template.study(root))) == {0}
        wanted = {"well": "delivered", "warning": "delivered", "refusing": "attention"}
        wait_for(lambda: wanted.items() <= case.deliveries(root).items(), PATIENCE, f"deliveries {wanted}")
        assert hanging.hangs.wait(PATIENCE)
        assert case.deliveries(root)["away"] == "pending" and case.deliveries(root)["busy"] == "pending"
        assert case.study(root)[0] == "delivering"
        hanging.status, busy.status = 0, 0
        hanging.hang_up.set()
        with running(StoreScp(folder / "away", "AWAY", port=away.dicom_port)):
            wanted = {"away": "delivered", "busy": "delivered", "hanging": "delivered", "refusing": "attention"}
            wait_for(lambda: wanted.items() <= case.deliveries(root).items(), PATIENCE, f"deliveries {wanted}")
        assert len(warning.received) == 3, "what was answered with a warning was sent again"
        assert len(set(hanging.received)) == len(hanging.received) == 3
    return "away, busy and hanging ones got everything in the end, the refusing one needs attention"


def studies(given):
    """Without use, twice at once, with a database that is locked, and while the model is replaced."""
    case = Case(given, "studies")
    with case.start():
        weights = case.directory / "model" / "weights.safetensors"
        weights.write_bytes(bytes(weights.stat().st_size))  # in place, as a careless administrator does
        study = given.template.study("1.2.51")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(set(case.send(study)))) for _ in range(2)]
        locker = sqlite3.connect(case.state / "metserve.db", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        for thread in threads:
            thread.start()
        time.sleep(3)
        locker.execute("COMMIT")
        locker.close()
        for thread in threads:
            thread.join(PATIENCE)
        assert answers == [{0}, {0}], f"answers {answers}"
        assert set(case.send(small_study("1.2.52"))) == {0}
        case.reaches("1.2.51", "done")
        case.reaches("1.2.52", "skipped")
        assert case.study("1.2.52")[1], "no reason"
        (count,), = case.query("SELECT COUNT(*) FROM results")
        (images,), = case.query("SELECT COUNT(*) FROM instances")
        assert (count, images) == (1, len(study) + 8), f"{count} results, {images} images"
    case.server.start(environment=case.environment, wait=False)
    status = case.server.process.wait(PATIENCE)
    assert status != 0 and "SHA-256" in case.server.log.read_text(), f"a replaced model is taken at start ({status})"
    return "each has one result or a reason; the replaced model is refused at the next start"


def damaged_database(given):
    """Bytes in the middle of the database are overwritten."""
    case = Case(given, "damaged_database", quiet_time_s=3600)
    with case.start():
        for number in range(30):
            assert set(case.send(small_study(f"1.2.53.{number}"))) == {0}
    database = case.state / "metserve.db"
    size = database.stat().st_size
    with open(database, "r+b") as file:
        for page in range(2, size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xa5" * 2048)
    case.server.start(environment=case.environment, wait=False)
    status = case.server.process.wait(PATIENCE)
    said = case.server.log.read_text().splitlines()[-1]
    assert status == 1 and "metserve.db" in said, f"status {status}: {said}"
    return f"the start is refused: {said.split('metserve.db: ')[-1][:60]}"


def clock(given):
    """The clock jumps back by six hours while a study comes in and another waits for its destination; and forward, while one
    is in work; and by more than a year between two runs."""
    away = Away("AWAY")
    case = Case(given, "clock", [away], quiet_time_s=5)
    with case.start():
        assert set(case.send(given.template.study("1.2.54"))) == {0}
        wait_for(lambda: case.deliveries("1.2.54").get("away") == "pending", PATIENCE, "a first try")
        assert set(case.send(small_study("1.2.55"))) == {0}
        case.fault.write_text("clock -21600")
        assert set(case.send(small_study("1.2.56"))) == {0}
        case.reaches("1.2.55", "skipped", 60)
        case.reaches("1.2.56", "skipped", 60)
        with running(StoreScp(case.directory / "away", "AWAY", port=away.dicom_port)):
            case.reaches("1.2.54", "done", 60)
            assert set(case.send(given.template.study("1.2.65"))) == {0}
            case.reaches("1.2.65", "running")
            case.fault.write_text("clock 21600")
            case.reaches("1.2.65", "done")
    (ended,), = case.query("SELECT COUNT(*) FROM history WHERE note LIKE '%ended without a result%'")
    assert ended == 0, "the jump forward ended a running job's lease"
    case.fault.write_text(f"clock {400 * 86400}")
    with case.start():
        time.sleep(1)  # the first sweep is at the start
        assert case.query("SELECT COUNT(*) FROM studies") == [(4,)], "the jump forward ended a study's retention"
    return "nobody waits for the old time to come back, nobody's work ends early, and no study is deleted"


def full_disk(given):
    """A third of the writes finds the disk full, at every place in turn; then there is room again."""
    case = Case(given, "full_disk")
    with case.start():
        acknowledged, studies_left = Acknowledged(), [given.template.study("1.2.57"), *(
            small_study(f"1.2.58.{number}") for number in range(40))]
        case.fault.write_text("full 30")
        senders = [Sender(case.server.dicom_port, lambda: studies_left.pop() if studies_left else None, acknowledged)
                   for _ in range(4)]
        for sender in senders:
            sender.start()
        time.sleep(given.seconds)
        refused = case.server.metric("metserve_images_refused_total")
        assert case.server.running(), "metserve ended:\n" + case.server.log.read_text()[-2000:]
        case.fault.unlink()
        assert refused, "no write found the disk full"
        for sender in senders:
            sender.join(PATIENCE)
        case.reaches("1.2.57", "done")
        wait_for(lambda: case.query("SELECT COUNT(*) FROM studies WHERE state = 'skipped'") == [(40,)], PATIENCE, "the rest")
        stored = dict(case.query("SELECT sop_instance_uid, file FROM instances"))
        assert set(stored) == set(acknowledged.images)
        assert all((case.state / file).exists() for file in stored.values())
        assert get(f"{case.server.url}/readyz")[0] == 200
    return f"refused {refused:.0f} times and sent again, none was lost"


def failing_disk(given):
    """Syncing fails, with whatever reason: what was not synced may be gone, so nothing more is promised until a person has
    looked."""
    for reason in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
        case = Case(given, f"failing_disk_{errno.errorcode[reason]}", quiet_time_s=3600)
        with case.start():
            assert set(case.send(small_study("1.2.59"))) == {0}
            case.fault.write_text(f"sync {reason}")
            refused = case.send(small_study("1.2.60"))
            assert 0 not in refused, f"answered {refused} while syncing fails"
            case.fault.unlink()
            again = case.send(small_study("1.2.61")) if case.server.running() else []
            assert 0 not in again, f"a sync that failed with {errno.errorcode[reason]} was forgotten"
    return "refused from the failed sync on, a full disk's too"


def killed_worker(given):
    """The process dies twice in the middle of a study."""
    case = Case(given, "killed_worker")
    for _ in range(2):
        case.start()
        if case.study("1.2.62")[0] == "unknown":
            assert set(case.send(given.template.study("1.2.62"))) == {0}
        case.reaches("1.2.62", "running")
        case.server.stop(signal.SIGKILL)
    with case.start():
        state, reason = case.study("1.2.62")
        assert state == "failed" and "set aside" in reason, f"{state}: {reason}"
        assert set(case.send(given.template.study("1.2.63"))) == {0}
        case.reaches("1.2.63", "done")
    return "set aside with its reason; the next study is done"


def killed_neighbours(given):
    """The process dies while two studies are in work, and again: neither can be blamed."""
    case = Case(given, "killed_neighbours", more="workers:\n  count: 2\n  threads: 1\n")
    roots = ("1.2.66", "1.2.67")
    in_work = lambda: sum(case.study(root)[0] == "running" for root in roots)  # noqa: E731
    case.start()
    for root in roots:
        assert set(case.send(given.template.study(root))) == {0}
    wait_for(lambda: in_work() == 2, PATIENCE, "two studies in work")
    case.server.stop(signal.SIGKILL)
    case.start()
    wait_for(lambda: in_work() == 1, PATIENCE, "one of them in work, alone")
    time.sleep(1.5)  # longer than a worker waits until it looks again
    assert in_work() < 2, "suspects do not work alone"
    case.server.stop(signal.SIGKILL)
    with case.start():
        for root in roots:
            case.reaches(root, "done")
    return "both are done, one after the other"


def queue(given):
    """Very many studies wait; the server starts and answers all the same."""
    case = Case(given, "queue", quiet_time_s=3600)
    left = [small_study(f"1.2.64.{number}", 1) for number in range(given.queued)]
    with case.start():
        acknowledged = Acknowledged()
        senders = [Sender(case.server.dicom_port, lambda: left.pop() if left else None, acknowledged) for _ in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    case.server.configuration.write_text(case.server.configuration.read_text().replace("3600", "1"))
    begin = time.monotonic()
    with case.start():
        started = time.monotonic() - begin
        begin = time.monotonic()
        assert get(f"{case.server.url}/studies?limit=100")[0] == 200
        answered = time.monotonic() - begin
        waited = 60 + given.queued // 4
        wait_for(lambda: case.query("SELECT COUNT(*) FROM studies WHERE state = 'skipped'") == [(given.queued,)], waited,
                 f"{given.queued} studies at their end")
        rate = given.queued / (time.monotonic() - begin)
    return f"{given.queued} studies: start {started:.1f} s, list {answered * 1000:.0f} ms, {rate:.0f} studies/s"


CASES = [destinations, studies, damaged_database, clock, full_disk, failing_disk, killed_worker, killed_neighbours, queue]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "fixtures", "directory"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--library", type=pathlib.Path, required=True, help="built from bad_day.cpp")
    parser.add_argument("--only", nargs="*", default=[case.__name__ for case in CASES])
    parser.add_argument("--queued", type=int, default=10000, help="studies that wait")
    parser.add_argument("--seconds", type=float, default=30, help="with a full disk")
    given = parser.parse_args()
    shutil.rmtree(given.directory, ignore_errors=True)
    given.directory.mkdir(parents=True)
    given.model, given.template = make_fixtures(given.fixtures, given.directory / "fixtures")
    failed = 0
    for case in CASES:
        if case.__name__ not in given.only:
            continue
        begin = time.monotonic()
        try:
            result = "holds: " + case(given)
        except (AssertionError, TimeoutError, OSError, RuntimeError, sqlite3.Error) as error:
            result, failed = f"FAILS: {type(error).__name__}: {error}", failed + 1
        print(f"{case.__name__:17} {time.monotonic() - begin:5.0f} s  {result}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
