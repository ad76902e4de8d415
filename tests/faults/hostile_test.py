#!/usr/bin/python3
"""Peers that lie, stall, flood and break off, against a running server with an honest sender beside them. Each gets the
right answer, the honest sender keeps at least half of its undisturbed rate, and memory stays bounded. One table.

usage: hostile_test.py METSERVE FAULT_FIXTURES DIRECTORY [--seconds 20]"""

import argparse
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
from load import make_fixtures  # noqa: E402 pylint: disable=wrong-import-position
from rig import MetServe, get, running, wait_for  # noqa: E402 pylint: disable=wrong-import-position
from wire import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

MAX_DATASET = 2 << 20
UNDEFINED = 0xFFFFFFFF
GROUP_LENGTH_LIE = element(0x00080000, "UL", struct.pack("<I", 0x7FFFFFFF))
KEPT = image("1.2.42", "1.2.42.1", "1.2.42.1.1")  # the one image of the attackers that is to be kept, with the lie
MEMORY_MIB = 32 * 2 * MAX_DATASET // (1 << 20) + 64  # of all associations, each with a dataset and its copy

MORE = """workers:
  threads: 1
log:
  level: warning
"""


class Honest(threading.Thread):
    """Sends small images for as long as it lives and counts them."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.count, self.stopping, self.failure = port, 0, False, None

    def run(self):
        with Peer(self.port) as peer:
            peer.associate()
            while not self.stopping and self.failure is None:
                instance = f"1.2.40.1.1.{self.count + 1}"
                status = peer.store(image("1.2.40", "1.2.40.1", instance, 32, 32), instance)
                if status == 0:
                    self.count += 1
                else:
                    self.failure = f"status {status}"
            peer.release()

    def rate(self, seconds):
        before, begin = self.count, time.monotonic()
        time.sleep(seconds)
        return (self.count - before) / (time.monotonic() - begin)


def stored(port, dataset, instance, **options):
    with Peer(port) as peer:
        answer = peer.associate()
        assert answer and answer[0] == ASSOCIATE_AC, f"association not accepted: {answer}"
        return peer.store(dataset, instance, **options)


def expect(found, *wanted):
    assert found in wanted, f"answered {found}, expected {wanted}"


def breaks_off(port):
    """Connections that end in the middle of a PDV, by abort, by close and by reset."""
    whole = p_data(image("1.2.41", "1.2.41.1", "1.2.41.1.1"), False, True)
    for end in (pdu(ABORT, bytes(4)), b"", None):
        with Peer(port) as peer:
            peer.associate()
            peer.send(p_data(store_command(MR, "1.2.41.1.1"), True, True) + whole[:len(whole) // 2])
            if end is None:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif end:
                peer.send(end)


def truncated(port):
    dataset = image("1.2.41", "1.2.41.1", "1.2.41.1.1", 32, 32)
    expect(stored(port, dataset[:-100], "1.2.41.1.1"), 0xC000)
    expect(stored(port, dataset[:70], "1.2.41.1.1"), 0xC000)
    expect(stored(port, b"", "1.2.41.1.1"), 0xC000)


def oversized(port):
    dataset = image("1.2.41", "1.2.41.1", "1.2.41.1.1", pixels=bytes(MAX_DATASET))
    with Peer(port) as peer:  # an honest sender with one image too many: its association goes on
        peer.associate([(MR, [EXPLICIT_LE]), (VERIFICATION, [IMPLICIT_LE])])
        for _ in range(2):
            expect(peer.store(dataset, "1.2.41.1.1", fragment=120000), 0xA700)
            expect(peer.store(GROUP_LENGTH_LIE + KEPT, "1.2.42.1.1"), 0)
            expect(peer.echo(context=3), 0)
        expect(peer.release(), (RELEASE_RP, bytes(4)))
    expect(stored(port, dataset + bytes(4 * MAX_DATASET), "1.2.41.1.1", fragment=120000), None)


def absurd_lengths(port):
    with Peer(port) as peer:
        peer.send(struct.pack(">BBI", ASSOCIATE_RQ, 0, 0x7FFFFFFF))
        expect(peer.receive(), None)
    for head in (struct.pack(">BBI", P_DATA, 0, 0xFFFFFFF0), struct.pack(">BBIIBB", P_DATA, 0, 6, 0xFFFFFFF0, 1, 3),
                 struct.pack(">BBIIBB", P_DATA, 0, 6, 1, 1, 3), struct.pack(">BBI", 0x77, 0, 0xFFFFFFFF)):
        with Peer(port) as peer:
            peer.associate()
            peer.send(head + bytes(64))
            answer = peer.receive()
            assert answer is None or answer[0] == ABORT, f"answered {answer}"


def drips(port):
    """Twelve associations that send a byte now and then."""
    peers = [Peer(port, source="127.0.0.2") for _ in range(12)]
    for peer in peers:
        peer.associate()
    command = p_data(store_command(MR, "1.2.41.1.1"), True, True)
    for begin in range(20):
        for peer in peers:
            peer.send(command[begin:begin + 1])
        time.sleep(0.05)
    for peer in peers:
        peer.socket.close()


def takes_all(port):
    """One host asks for more associations than there are; another one still gets in."""
    peers = [Peer(port, source="127.0.0.2") for _ in range(40)]
    answers = [peer.associate()[0] for peer in peers]
    expect(answers.count(ASSOCIATE_AC) <= 16 and ASSOCIATE_RJ in answers, True)
    with Peer(port, source="127.0.0.3") as peer:
        expect(peer.associate([(VERIFICATION, [IMPLICIT_LE])])[0], ASSOCIATE_AC)
        expect(peer.echo(), 0)
    for peer in peers:
        peer.socket.close()


def half_open(port):
    """200 connections with half of an association request."""
    request = pdu(ASSOCIATE_RQ, associate_body([(MR, [EXPLICIT_LE])]))
    peers = [Peer(port) for _ in range(200)]
    for peer in peers:
        peer.send(request[:len(request) // 2])
    with Peer(port) as peer:
        expect(peer.associate([(VERIFICATION, [IMPLICIT_LE])])[0], ASSOCIATE_AC)
        expect(peer.echo(), 0)
    time.sleep(0.5)
    for peer in peers:
        peer.socket.close()


def paths_in_uids(port):
    for bad in ("../../../../tmp/x", "1.2/../../x", "/etc/passwd", "1.2\\3", "1.2.3 .4", "=x", "1..2", "", "1." * 40):
        expect(stored(port, image("1.2.41", "1.2.41.1", bad), bad), *([0xC000] if bad else [0xC000, None]))
        expect(stored(port, image(bad, "1.2.41.1", "1.2.41.1.1"), "1.2.41.1.1"), 0xC000)
        expect(stored(port, image("1.2.41", bad, "1.2.41.1.1"), "1.2.41.1.1"), 0xC000)


def unknown_syntaxes(port):
    for syntax in (JPEG_2000, "1.2.3.4.5.6", "1.2.840.10008.1.2.4.100"):
        with Peer(port) as peer:
            kind, body = peer.associate([(MR, [syntax])])
            expect(kind, ASSOCIATE_AC)
            place = body.find(b"\x21\x00")
            expect(body[place + 6], 4)  # transfer syntaxes not supported
            expect(peer.store(image("1.2.41", "1.2.41.1", "1.2.41.1.1"), "1.2.41.1.1"), None)


def wrong_titles(port):
    with Peer(port) as peer:
        expect(peer.associate(called="SOMEBODY"), (ASSOCIATE_RJ, bytes([0, 1, 1, 7])))
    with Peer(port) as peer:
        expect(peer.associate(called=""), None)


def length_lies(port):
    """Group lengths are retired and believed by nobody; lengths of elements are."""
    expect(stored(port, GROUP_LENGTH_LIE + KEPT, "1.2.42.1.1"), 0)
    expect(stored(port, KEPT + struct.pack("<HH2sHI", 0x7FE1, 0x0010, b"OB", 0, 0x7FFFFFFF), "1.2.42.1.1"), 0xC000)
    command = store_command(MR, "1.2.42.1.1")
    with Peer(port) as peer:
        peer.associate()
        peer.send(p_data(command[:8] + struct.pack("<I", 0xFFFFFF) + command[12:], True, True))
        peer.send(p_data(GROUP_LENGTH_LIE + KEPT, False, True))
        expect(peer.response_status(), 0)


def deep_nesting(port):
    for depth in (100, 20000):
        nested = struct.pack("<HH2sHIHHI", 0x0040, 0xA730, b"SQ", 0, UNDEFINED, 0xFFFE, 0xE000, UNDEFINED) * depth
        dataset = image("1.2.41", "1.2.41.1", "1.2.41.1.1", extra=nested)
        expect(stored(port, dataset, "1.2.41.1.1"), 0xC000)


def garbage(port):
    for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), bytes(range(256)) * 40):
        with Peer(port) as peer:
            peer.send(data)
            expect(peer.receive(), None)


ATTACKS = [breaks_off, truncated, oversized, absurd_lengths, drips, takes_all, half_open, paths_in_uids, unknown_syntaxes,
           wrong_titles, length_lies, deep_nesting, garbage]


def memory_mib(server):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def stored_files(server):
    return sum(1 for file in (server.directory / "state" / "images").rglob("*") if file.is_file())


class Attacker(threading.Thread):
    """Repeats one attack until it is told to stop, and keeps the first wrong answer."""

    def __init__(self, attack, port):
        super().__init__(daemon=True)
        self.attack, self.port, self.stopping, self.failure, self.count = attack, port, False, None, 0

    def run(self):
        while not self.stopping or self.count == 0:
            try:
                self.attack(self.port)
            except (AssertionError, OSError) as error:
                self.failure = f"{type(error).__name__}: {error}"
                return
            self.count += 1


def under_attack(attack, honest, port, seconds):
    """The honest sender's rate in percent of the rate just before and after, and the attacker."""
    quiet = honest.rate(seconds / 2)
    attacker = Attacker(attack, port)
    attacker.start()
    disturbed = honest.rate(seconds)
    attacker.stopping = True
    attacker.join(60)
    quiet = (quiet + honest.rate(seconds / 2)) / 2
    return 100 * disturbed / max(quiet, 0.1), attacker


def echoes(port):
    return subprocess.run(["echoscu", "-aec", "METSERVE", "-to", "10", "127.0.0.1", str(port)], check=False).returncode == 0


def attack_with(attack, honest, server, given):
    """One row of the table; true when all is well. Other programs share the machine: a rate has three tries."""
    share, attacker = 0, None
    for _ in range(3):
        share, attacker = under_attack(attack, honest, server.dicom_port, given.seconds)
        if share >= given.least_percent or attacker.failure:
            break
    serves = echoes(server.dicom_port)
    good = attacker.failure is None and share >= given.least_percent and serves and honest.failure is None
    print(f"{attack.__name__:18} {attacker.count:6} times {share:5.0f} % {memory_mib(server):6} MiB  "
          f"{'as it should' if good else attacker.failure or honest.failure or 'too slow'}", flush=True)
    return good


def http_stays_up(server):
    """More silent connections than the server takes: it answers at once, before their time of 10 s is up."""
    silent = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(80)]
    answered = wait_for(lambda: get(f"{server.url}/healthz", 5)[0] == 200, 5, "HTTP behind silent connections")
    for connection in silent:
        connection.close()
    return answered


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "fixtures", "directory"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=20, help="of each attack")
    parser.add_argument("--least-percent", type=float, default=50, help="of its undisturbed rate that the honest sender keeps")
    given = parser.parse_args()
    shutil.rmtree(given.directory, ignore_errors=True)
    given.directory.mkdir(parents=True)
    model, _ = make_fixtures(given.fixtures, given.directory / "fixtures")
    server = MetServe(given.program.resolve(), model, given.directory / "server", [], quiet_time_s=3600, more=MORE, dicom_more=[
        "  limits:", f"    max_dataset_mib: {MAX_DATASET >> 20}", "    request_timeout_s: 5", "    idle_timeout_s: 10"])
    with running(server):
        honest = Honest(server.dicom_port)
        honest.start()
        honest.rate(2)
        before = memory_mib(server)
        results = [attack_with(attack, honest, server, given) for attack in ATTACKS]
        honest.stopping = True
        honest.join(60)
        grown = memory_mib(server) - before
        print(f"memory {before} MiB before, {grown} MiB more after; at most {MEMORY_MIB} MiB more are right")
        right = honest.count + 1
        try:  # filed a moment after they were acknowledged
            wait_for(lambda: stored_files(server) == right, 30, "as many files as images")
        except TimeoutError:
            pass
        files = stored_files(server)
        print(f"{honest.count} images of the honest sender and 1 of an attacker are right, {files} files")
        ready = http_stays_up(server) and get(f"{server.url}/readyz")[0] == 200
    good = all(results) and grown <= MEMORY_MIB and files == right and ready
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
