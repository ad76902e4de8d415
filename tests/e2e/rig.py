"""Starts the real programs that the end-to-end tests and the demonstration talk to, on free ports of 127.0.0.1."""

import contextlib
import json
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SEG, RTSTRUCT, SR3D = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.88.34"


def free_port():
    """Below the ports that Linux gives to outgoing connections, which could take it before its listener does."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randint(16000, 32000)))
            return probe.getsockname()[1]


def wait_for(condition, seconds, what):
    """Polls `condition` until it returns something true, and returns that; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds} s")


def get(url, seconds=5):
    """Status and body of an HTTP GET; status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return 0, b""


class Process:
    """A program that runs until it is stopped; its output goes to a log file. `environment`: instead of ours."""

    def __init__(self, command, log, environment=None):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdout=output, stderr=subprocess.STDOUT, env=environment)

    def running(self):
        return self.process.poll() is None

    def stop(self, signal_number=signal.SIGTERM, seconds=60):
        """Sends the signal and returns the exit status."""
        if self.running():
            self.process.send_signal(signal_number)
        return self.process.wait(seconds)


class Orthanc(Process):
    """The archive: receives over DICOM, answers over HTTP what it has."""

    ae_title = "ARCHIVE"

    def __init__(self, directory):
        directory = pathlib.Path(directory).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        self.dicom_port, self.http_port = free_port(), free_port()
        configuration = {
            "Name": "archive", "StorageDirectory": str(directory / "db"), "IndexDirectory": str(directory / "db"),
            "HttpPort": self.http_port, "DicomPort": self.dicom_port, "DicomAet": self.ae_title,
            "AuthenticationEnabled": False, "RemoteAccessAllowed": False, "Plugins": [],
            "DicomAlwaysAllowStore": True, "DicomAlwaysAllowEcho": True, "DicomCheckCalledAet": True,
        }
        self.configuration = directory / "orthanc.json"
        self.configuration.write_text(json.dumps(configuration))
        self.start()

    def start(self):
        super().__init__(["Orthanc", self.configuration], self.configuration.parent / "orthanc.log")
        wait_for(lambda: self.running() and get(f"{self.url}/system")[0] == 200, 60, "Orthanc answering")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def instances(self, sop_class_uid=None):
        """Orthanc's ids of what it stores, of one SOP class or of all."""
        found = []
        for identifier in json.loads(get(f"{self.url}/instances")[1] or "[]"):
            status, stored = get(f"{self.url}/instances/{identifier}/metadata/SopClassUid")
            if status == 200 and sop_class_uid in (None, stored.decode().strip()):
                found.append(identifier)
        return found

    def fetch(self, identifier, file):
        pathlib.Path(file).write_bytes(get(f"{self.url}/instances/{identifier}/file", 60)[1])


class StoreScp(Process):
    """DCMTK's storescp: keeps everything that arrives in `directory`, in files of different names."""

    def __init__(self, directory, ae_title="ARCHIVE", *options, port=None):
        self.ae_title, self.directory, self.dicom_port = ae_title, pathlib.Path(directory), port or free_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        super().__init__(["storescp", "-uf", *options, "-od", self.directory, "-aet", ae_title, self.dicom_port],
                         f"{directory}.log")


class MetServe(Process):
    """`metserve serve` with a configuration made for it; state stays in `directory` from one start to the next."""

    ae_title = "METSERVE"

    def __init__(self, program, model, directory, destinations, quiet_time_s=3, bounds=None, more="",
                 dicom_more=(), http_more=(), retry="", start=True):
        """`bounds`: threshold and peak instead of the model's; `more`: further YAML; `dicom_more`, `http_more`: further
        lines of these parts; `retry`: further lines of each destination; `start`: at once."""
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.program = program
        self.dicom_port, self.http_port = free_port(), free_port()
        self.configuration = self.directory / "metserve.yaml"
        self.configuration.write_text(self._yaml(model, destinations, quiet_time_s, bounds, dicom_more, http_more, retry) +
                                      (more if "log:" in more else "log:\n  level: debug\n" + more))
        if start:
            self.start()

    def start(self, environment=None, wait=True):
        command = [self.program, "serve", "--config", self.configuration]
        super().__init__(command, self.directory / "metserve.log", environment)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self):
        wait_for(lambda: not self.running() or get(f"{self.url}/readyz")[0] == 200, 120, "metserve ready")
        if not self.running():
            raise RuntimeError("metserve serve ended at once:\n" + self.log.read_text()[-2000:])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def _yaml(self, model, destinations, quiet_time_s, bounds, dicom_more, http_more, retry):
        model_lines = ["model:", f"  directory: {model}"]
        if bounds is not None:
            model_lines += [f"  threshold: {bounds[0]}", f"  minimum_peak: {bounds[1]}", "  minimum_roundness: 0"]
        lines = [
            "dicom:", f"  ae_title: {self.ae_title}", "  bind_address: 127.0.0.1", f"  port: {self.dicom_port}",
            *dicom_more, "study:", f"  quiet_time_s: {quiet_time_s}",
            *model_lines,
            "storage:", f"  directory: {self.directory / 'state'}",
            "http:", "  bind_address: 127.0.0.1", f"  port: {self.http_port}", *http_more,
            "audit:", f"  file: {self.directory / 'audit.jsonl'}",
            "destinations:"]
        for archive in destinations:
            lines += [f"  - name: {archive.ae_title.lower()}", "    host: 127.0.0.1", f"    port: {archive.dicom_port}",
                      f"    ae_title: {archive.ae_title}", "    objects: [seg, rtstruct, report]"]
            lines += [retry] if retry else []
        return "\n".join(lines) + "\n"

    def send(self, files):
        """Sends the files over one association with an unmodified storescu."""
        command = ["storescu", "-aec", self.ae_title, "-aet", "PACS", "127.0.0.1", str(self.dicom_port)]
        subprocess.run(command + [str(file) for file in files], check=True, timeout=600, stdout=subprocess.DEVNULL)

    def told(self):
        """All that the server says of what it does: log, audit trail, metrics and studies."""
        studies = get(f"{self.url}/studies")[1]
        pages = [get(f"{self.url}/metrics")[1], studies]
        pages += [get(f"{self.url}/studies/{study['key']}")[1] for study in json.loads(studies)["studies"]]
        return self.log.read_text() + (self.directory / "audit.jsonl").read_text() + b"".join(pages).decode()

    def metric(self, name):
        """The value of the first sample whose line starts with `name`, or None."""
        for line in get(f"{self.url}/metrics")[1].decode().splitlines():
            if line.startswith(name):
                return float(line.split()[-1])
        return None


@contextlib.contextmanager
def running(process):
    """Stops the process at the end, killing it if it does not listen."""
    try:
        yield process
    finally:
        try:
            process.stop()
        except subprocess.TimeoutExpired:
            process.stop(signal.SIGKILL)


def dicom_errors(file):
    """The lines in which dciodvfy calls the object wrong; its exit status says nothing."""
    result = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, timeout=600, check=False)
    return [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("Error")]
