#!/usr/bin/python3
"""A server that lets nobody in who does not belong: TLS with certificates in both directions, callers, tokens, a reload
with broken and with new certificates, and the audit trail of all of it. Peers are DCMTK's programs.

usage: access_test.py METSERVE FAULT_FIXTURES DIRECTORY"""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import rig

TOKEN = "0123456789abcdef"


class Authority:
    """`ca.pem`, and NAME.pem with NAME.key for each that is issued for 127.0.0.1."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Test CA",
                      "-days", "2", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))

    def issue(self, name):
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                      self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"))
        self.path(f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\n")
        self._openssl("x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                      "-CAcreateserial", "-days", "2", "-extfile", self.path(f"{name}.ext"), "-out", self.path(f"{name}.pem"))

    def path(self, name):
        return self.directory / name

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def works(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=120, check=False).returncode == 0


def status(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def check(condition, what):
    print(("holds: " if condition else "FAILS: ") + what, flush=True)
    if not condition:
        raise AssertionError(what)


def receive(server, authority, images):
    here = ("127.0.0.1", server.dicom_port)
    known = ("+tls", authority.path("scanner.key"), authority.path("scanner.pem"), "+cf", authority.path("ca.pem"))
    called = ("-aec", server.ae_title)
    check(works("storescu", "-aet", "SCANNER", *called, *known, *here, *images), "a known caller with a certificate stores")
    check(not works("echoscu", "-aet", "SCANNER", *called, *here), "nobody is heard in the clear")
    anonymous = ("+tla", "+cf", authority.path("ca.pem"))
    check(not works("echoscu", "-aet", "SCANNER", *called, *anonymous, *here), "nobody gets in without a certificate")
    check(not works("echoscu", "-aet", "STRANGER", *called, *known, *here), "a stranger is rejected")
    check(not works("echoscu", "-aet", "DISTANT", *called, *known, *here), "a caller from another address is rejected")


def look(server):
    check(status(f"{server.url}/healthz") == 200, "health is for everybody")
    check(status(f"{server.url}/studies") == status(f"{server.url}/metrics", "f" * 16) == 401, "the rest needs a token")
    check(status(f"{server.url}/studies", TOKEN) == 200, "with a token studies are shown")
    check(works(server.program, "studies", "list", "--config", server.configuration), "metserve studies has the token")
    check(works(server.program, "check", "--config", server.configuration), "metserve check finds everything in order")
    elsewhere = server.directory / "elsewhere.yaml"
    elsewhere.write_text(server.configuration.read_text().replace("audit.jsonl", "nowhere/audit.jsonl"))
    check(not works(server.program, "check", "--config", elsewhere), "or says that the audit trail cannot be written")


def reload(server, authority, others):
    def hang_up(then):
        said = server.log.read_text().count(then)
        server.process.send_signal(signal.SIGHUP)
        rig.wait_for(lambda: server.log.read_text().count(then) > said, 30, f"'{then}' in the log")

    def echoes(trusted):
        known = ("+tls", authority.path("scanner.key"), authority.path("scanner.pem"), "+cf", trusted)
        return works("echoscu", "-aet", "SCANNER", "-aec", server.ae_title, *known, "127.0.0.1", server.dicom_port)

    certificate, key = server.directory / "server.pem", server.directory / "server.key"
    certificate.write_text("no certificate")
    hang_up("dicom.tls: stays as it was")
    check(echoes(authority.path("ca.pem")), "with a broken new certificate the old one stays in use")
    shutil.copy(others.path("server.pem"), certificate)
    shutil.copy(others.path("server.key"), key)
    hang_up("dicom.tls: read anew")
    check(echoes(others.path("ca.pem")), "the new certificate is shown")
    check(not echoes(authority.path("ca.pem")), "the old one is not")
    (server.directory / "tokens").write_text("berta abcdef0123456789\n")
    hang_up("http.token_file: read anew")
    check((status(f"{server.url}/studies", TOKEN), status(f"{server.url}/studies", "abcdef0123456789")) == (401, 200),
          "new tokens hold, old ones do not")


def trail(server, images):
    events = [json.loads(line) for line in (server.directory / "audit.jsonl").read_text().splitlines()]

    def told(**wanted):
        return [one for one in events if all(one.get(key) == value for key, value in wanted.items())]

    received = told(action="received")
    check([one["images"] for one in received] == [images] and received[0]["who"] ==
          {"address": "127.0.0.1", "ae_title": "SCANNER", "certificate": "scanner"}, "who sent what")
    check(len(told(action="receiving")) == 1, "that it began")
    check(len(told(action="sent", to="archive")) == 3, "what was sent where")
    check({"STRANGER", "DISTANT"} <= {one["who"].get("ae_title") for one in told(event="Security Alert")}, "who was refused")
    check(len(told(event="Security Alert", action="http")) >= 2, "who had no token")
    check("anna" in {one["who"].get("user") for one in told(event="DICOM Instances Accessed")}, "who looked")
    check([events[0]["action"], events[-1]["action"]] == ["start", "stop"], "start and stop")
    check(TOKEN not in json.dumps(events) + server.log.read_text(), "no token in the trail or the log")


def main():
    program, fixtures, directory = (pathlib.Path(argument) for argument in sys.argv[1:4])
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "server").mkdir(parents=True)
    subprocess.run([fixtures, directory / "fixtures"], check=True, timeout=600)
    images = sorted((directory / "fixtures" / "study").rglob("*.dcm"))
    authority, others = Authority(directory / "authority"), Authority(directory / "others")
    for name in ("server", "scanner", "archive"):
        authority.issue(name)
    others.issue("server")
    files = {name: (directory / "server" / name).resolve() for name in ("server.pem", "server.key", "tokens")}
    shutil.copy(authority.path("server.pem"), files["server.pem"])
    shutil.copy(authority.path("server.key"), files["server.key"])
    files["tokens"].write_text(f"anna {TOKEN}\n")
    ca = authority.path("ca.pem").resolve()
    ours = f"certificate: {authority.path('server.pem').resolve()}, key: {authority.path('server.key').resolve()}, trusted: {ca}"
    archive = rig.StoreScp(directory / "archive", "ARCHIVE", "+tls", authority.path("archive.key"), authority.path("archive.pem"),
                           "+cf", ca)
    server = rig.MetServe(program.resolve(), directory / "fixtures" / "model", directory / "server", [archive], 1, start=False, dicom_more=[
        "  callers: [{ae_title: SCANNER, addresses: [127.0.0.0/8]}, {ae_title: DISTANT, addresses: [192.0.2.0/24]}]",
        f"  tls: {{certificate: {files['server.pem']}, key: {files['server.key']}, trusted: {ca}}}"],
        http_more=[f"  token_file: {files['tokens']}"], retry=f"    tls: {{{ours}}}\n    retry: {{first_s: 1, cap_s: 2}}",
        more="workers:\n  threads: 2\n")
    with rig.running(archive):
        server.start()
        with rig.running(server):
            receive(server, authority, images)
            rig.wait_for(lambda: len(list((directory / "archive").iterdir())) == 3, 180, "three objects in the archive")
            look(server)
            rig.wait_for(lambda: (server.directory / "audit.jsonl").read_text().count('"sent"') == 3, 30, "their audit trail")
            reload(server, authority, others)
            check(server.stop() == 0, "it stops as it should")
        trail(server, len(images))
    return 0


if __name__ == "__main__":
    sys.exit(main())
