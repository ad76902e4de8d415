#!/usr/bin/python3
"""Studies back to back through a whole server with a small model and an archive: memory, descriptors and time per study,
as a table. Memory may grow by 5 % after the first two tenths, descriptors not at all, and the pace may not drop below 0.8.

usage: soak_test.py METSERVE FAULT_FIXTURES DIRECTORY [--studies 500]"""

import argparse
import pathlib
import shutil
import sqlite3
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
from load import make_fixtures  # noqa: E402 pylint: disable=wrong-import-position
from rig import MetServe, StoreScp, running, wait_for  # noqa: E402 pylint: disable=wrong-import-position
from wire import Peer  # noqa: E402 pylint: disable=wrong-import-position

PATIENCE = 600
BATCH = 5  # studies that wait at a time, so that the worker never does


def measured(server):
    """Resident memory in MiB, open descriptors, CPU seconds."""
    process = pathlib.Path(f"/proc/{server.process.pid}")
    lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return int(lines["VmRSS"].split()[0]) / 1024, len(list((process / "fd").iterdir())), \
        (int(fields[11]) + int(fields[12])) / 100


def done(server):
    with sqlite3.connect(f"file:{server.directory}/state/metserve.db?mode=ro", uri=True, timeout=30) as database:
        return database.execute("SELECT COUNT(*) FROM studies WHERE state = 'done'").fetchone()[0]


def send(server, images):
    with Peer(server.dicom_port, seconds=60) as peer:
        peer.associate()
        for instance, dataset in images:
            assert peer.store(dataset, instance) == 0
        peer.release()


def soak(server, template, studies):
    """(studies, MiB, descriptors, CPU seconds a study since the row before) now and then."""
    rows, sent = [], 0
    step = max(studies // 10, 1)
    while sent < studies:
        send(server, template.study(f"1.2.70.{sent}"))
        sent += 1
        wait_for(lambda: done(server) >= sent - (0 if sent % step == 0 else BATCH), PATIENCE, f"{sent} studies done")
        if sent % step == 0:
            time.sleep(1)
            memory, descriptors, cpu = measured(server)
            before = rows[-1] if rows else (0, 0, 0, 0, 0)
            rows.append((sent, memory, descriptors, cpu, (cpu - before[3]) / (sent - before[0])))
            print(f"{sent:6} studies {memory:7.0f} MiB {descriptors:5} descriptors {rows[-1][4]:6.2f} CPU s a study",
                  flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "fixtures", "directory"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--studies", type=int, default=500)
    given = parser.parse_args()
    shutil.rmtree(given.directory, ignore_errors=True)
    given.directory.mkdir(parents=True)
    model, template = make_fixtures(given.fixtures, given.directory / "fixtures")
    archive = StoreScp(given.directory / "archive")
    with running(archive):
        server = MetServe(given.program.resolve(), model, given.directory / "server", [archive], quiet_time_s=1,
                          more="workers:\n  threads: 2\nlog:\n  level: warning\n")
        with running(server):
            rows = soak(server, template, given.studies)
    first, last = rows[min(1, len(rows) - 1)], rows[-1]
    wrong = []
    if last[1] > 1.05 * first[1] and given.studies >= 100:
        wrong.append(f"memory grew from {first[1]:.0f} to {last[1]:.0f} MiB")
    if last[2] > first[2]:
        wrong.append(f"descriptors grew from {first[2]} to {last[2]}")
    if last[4] * 0.8 > first[4]:
        wrong.append(f"a study takes {last[4]:.2f} CPU s, first {first[4]:.2f}")
    print("; ".join(wrong) or "flat")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
