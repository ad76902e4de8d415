"""Studies that cost nearly nothing, and peers that send them and remember what was acknowledged."""

import hashlib
import pathlib
import subprocess
import threading
import time

import pydicom

from wire import Peer, element, image

SLICE_STEP_MM, SENT_STEP_MM = 4, 2.1  # of fault_fixtures' study, and as it is sent: the least that is a whole head


class Template:
    """The study of fault_fixtures, as datasets in explicit VR little endian that take any UIDs."""

    def __init__(self, directory):
        files = sorted(pathlib.Path(directory).rglob("*.dcm"))
        self.datasets = [self._squeezed(pydicom.dcmread(file)) for file in files]

    @staticmethod
    def _squeezed(dataset):
        position = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [position[0], position[1], float(position[2]) * SENT_STEP_MM / SLICE_STEP_MM]
        dataset.SliceThickness = SENT_STEP_MM
        if "SpacingBetweenSlices" in dataset:
            dataset.SpacingBetweenSlices = SENT_STEP_MM
        return dataset

    def study(self, root):
        """(SOP Instance UID, dataset) of each image, all UIDs below `root`."""
        out = []
        for number, dataset in enumerate(self.datasets, 1):
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = root, root + ".1"
            dataset.FrameOfReferenceUID = root + ".2"
            dataset.SOPInstanceUID = f"{root}.1.{number}"
            out.append((dataset.SOPInstanceUID, encoded(dataset)))
        return out


def encoded(dataset):
    """Explicit VR little endian, without file meta information."""
    buffer = pydicom.filebase.DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(buffer, dataset)
    return buffer.getvalue()


def small_study(root, images=8):
    """A study that no policy accepts: one series of small images without any MR attribute."""
    return [(f"{root}.1.{n}", image(root, root + ".1", f"{root}.1.{n}", 32, 32, n,
                                    extra=element(0x00280008, "IS", "1"))) for n in range(1, images + 1)]


def make_fixtures(program, directory):
    """Model folder and study template, written by fault_fixtures."""
    subprocess.run([str(program), str(directory)], check=True, timeout=600)
    return pathlib.Path(directory) / "model", Template(pathlib.Path(directory) / "study")


class Acknowledged:
    """What the server said it keeps: SOP Instance UID to SHA-256 of the dataset. Thread-safe."""

    def __init__(self):
        self.images, self.lock = {}, threading.Condition()

    def add(self, instance, dataset):
        with self.lock:
            self.images[instance] = hashlib.sha256(dataset).hexdigest()
            self.lock.notify_all()

    def wait_for(self, count, seconds):
        """Until there are so many; False when that took too long."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.images) >= count, seconds)


class Sender(threading.Thread):
    """Sends one study after the other over one association, and each image again until it is acknowledged, as a PACS
    does. `next_study()` gives (SOP Instance UID, dataset) pairs, or None when there is no more."""

    def __init__(self, port, next_study, acknowledged):
        super().__init__(daemon=True)
        self.port, self.next_study, self.acknowledged = port, next_study, acknowledged
        self.stopping = False

    def run(self):
        while not self.stopping:
            study = self.next_study()
            if study is None:
                return
            while study and not self.stopping:
                study = self.send(study)

    def send(self, study):
        """What is left of the study."""
        try:
            with Peer(self.port, seconds=60) as peer:
                answer = peer.associate()
                if answer is None or answer[0] != 2:
                    time.sleep(0.1)
                    return study
                while study and not self.stopping:
                    if peer.store(study[0][1], study[0][0]) != 0:
                        return study
                    self.acknowledged.add(study[0][0], study[0][1])
                    study = study[1:]
                peer.release()
        except OSError:
            time.sleep(0.05)
        return study
