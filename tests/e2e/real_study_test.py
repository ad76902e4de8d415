"""The enhanced MR tumour study (METSERVE_TEST_DATA/nema_brtum_enhanced) through the program's own commands, then
through a running server to an archive, with the server killed on the way.

usage: real_study_test.py METSERVE MODEL FAULT_FIXTURES"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import pydicom
import rig

PROGRAM, MODEL, FIXTURES = sys.argv[1:4]
DATA = os.environ.get("METSERVE_TEST_DATA")
STUDY = pathlib.Path(DATA or ".") / "nema_brtum_enhanced" / "mr"
EXPECTED_SLOTS = {"BRTUM005": "t1_se_pre", "BRTUM008": "t1_se_post", "BRTUM003": "flair"}


def series_uid(name):
    return pydicom.dcmread(STUDY / name, stop_before_pixels=True).SeriesInstanceUID


def run(*arguments, expect=0):
    result = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == expect, f"exit {result.returncode}: {result.stderr}"
    return result


class Commands(unittest.TestCase):
    def test_match_names_the_three_sequences_and_rejects_the_rest_with_reasons(self):
        match = json.loads(run("match", STUDY, "--json").stdout)
        by_uid = {series["series_instance_uid"]: series for series in match["series"]}
        for file in sorted(STUDY.iterdir()):
            series = by_uid[series_uid(file.name)]
            with self.subTest(series=file.name):
                self.assertEqual(series["slot"], EXPECTED_SLOTS.get(file.name))
                self.assertEqual(series["decision"], "used" if file.name in EXPECTED_SLOTS else "rejected")
                self.assertTrue(series["reasons"])
        self.assertEqual(match["subset"], ["t1_se_pre", "t1_se_post", "flair"])
        self.assertEqual(match["reference"], series_uid("BRTUM008"))

    def test_segment_writes_objects_that_reference_the_post_contrast_series(self):
        with tempfile.TemporaryDirectory() as directory:
            # The tumour of this study takes up no contrast. With low bounds there is something to write.
            run("segment", STUDY, "-o", directory, "--model", MODEL, "--threshold", "0.01", "--minimum-peak", "0",
                "--minimum-roundness", "0", "--key-images", "--probabilities")
            out = pathlib.Path(directory)
            reference = series_uid("BRTUM008")
            lesions = json.loads((out / "lesions.json").read_text())
            self.assertEqual(lesions["reference_series"], reference)
            self.assertTrue(lesions["lesions"])
            seg, rtstruct = pydicom.dcmread(out / "seg.dcm"), pydicom.dcmread(out / "rtstruct.dcm")
            self.assertEqual(seg.ReferencedSeriesSequence[0].SeriesInstanceUID, reference)
            study = rtstruct.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
            self.assertEqual(study.RTReferencedSeriesSequence[0].SeriesInstanceUID, reference)
            self.assertEqual(len(seg.SegmentSequence), len(lesions["lesions"]))
            self.assertEqual(len(rtstruct.StructureSetROISequence), len(lesions["lesions"]))
            written = sorted(out.glob("*.dcm"))
            self.assertLessEqual({"seg.dcm", "rtstruct.dcm", "report.dcm", "probability.dcm", "key_01.dcm", "key_02.dcm"},
                                 {file.name for file in written})
            for file in written:
                self.assertEqual(rig.dicom_errors(file), [], file.name)
            self.assertGreater((out / "preview.png").stat().st_size, 1000)

    def test_a_folder_without_dicom_is_refused_in_one_line(self):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "notes.txt").write_text("not an image")
            result = run("segment", directory, "-o", directory, "--model", MODEL, expect=1)
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
            self.assertIn(directory, result.stderr)


class Server(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)

    def start(self, archive, model=MODEL, **kwargs):
        # The archive gets all three objects only when there is a lesion to write: see the bounds above.
        return rig.MetServe(PROGRAM, model, self.root / "metserve", [archive], bounds=(0.01, 0), **kwargs)

    def small_model(self):
        """What it finds means nothing, but it is there in a second."""
        subprocess.run([FIXTURES, self.root / "fixtures"], check=True, timeout=600)
        return self.root / "fixtures" / "model"

    def send_over_two_associations(self, server):
        files = sorted(STUDY.iterdir())
        senders = [threading.Thread(target=server.send, args=(part,)) for part in (files[::2], files[1::2])]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    def check_results(self, archive):
        rig.wait_for(lambda: archive.instances(rig.SEG) and archive.instances(rig.RTSTRUCT)
                     and archive.instances(rig.SR3D), 180, "SEG, RTSTRUCT and report in the archive")
        reference = series_uid("BRTUM008")
        for sop_class in (rig.SEG, rig.RTSTRUCT):
            self.assertEqual(len(archive.instances(sop_class)), 1)
            file = self.root / "fetched.dcm"
            archive.fetch(archive.instances(sop_class)[0], file)
            self.assertIn(reference, file.read_bytes().decode("latin-1"))
            self.assertEqual(rig.dicom_errors(file), [])

    def test_a_study_sent_over_two_associations_comes_back_to_the_archive(self):
        with rig.running(rig.Orthanc(self.root / "archive")) as archive:
            with rig.running(self.start(archive)) as server:
                self.send_over_two_associations(server)
                self.check_results(archive)
                self.check_privacy(server)
                self.assertEqual(server.stop(), 0)

    def check_privacy(self, server):
        """Nothing that is told says who the patient is, and the audit trail says what became of the study."""
        image = pydicom.dcmread(STUDY / "BRTUM008", stop_before_pixels=True)
        rig.wait_for(lambda: '"action":"sent"' in server.told(), 30, "audit trail of the deliveries")
        told = server.told()
        birth = str(image.PatientBirthDate)
        for secret in [*str(image.PatientName).split("^"), image.PatientID, birth,
                       f"{birth[:4]}-{birth[4:6]}-{birth[6:]}"]:
            if len(secret) > 5:  # "Brain" is a word of ours too
                self.assertNotIn(secret.lower(), told.lower())
        events = [json.loads(line) for line in (server.directory / "audit.jsonl").read_text().splitlines()]
        received = [event for event in events if event.get("action") == "received"]
        self.assertEqual(sum(event["images"] for event in received), len(list(STUDY.iterdir())))
        self.assertEqual({event["study_instance_uid"] for event in received}, {image.StudyInstanceUID})
        self.assertEqual({event["who"]["ae_title"] for event in received}, {"PACS"})

    def test_killed_between_the_last_image_and_the_result_the_server_delivers_after_restart(self):
        with rig.running(rig.Orthanc(self.root / "archive")) as archive:
            with rig.running(self.start(archive, self.small_model())) as server:
                self.send_over_two_associations(server)
                server.stop(signal.SIGKILL)
                self.assertEqual(archive.instances(), [])
                server.start()
                self.check_results(archive)

    def test_terminated_while_it_works_the_server_delivers_after_restart(self):
        with rig.running(rig.Orthanc(self.root / "archive")) as archive:
            with rig.running(self.start(archive, self.small_model(), quiet_time_s=1)) as server:
                self.send_over_two_associations(server)
                rig.wait_for(lambda: b'"running"' in rig.get(f"{server.url}/studies")[1], 60, "study running")
                self.assertEqual(server.stop(), 0)
                server.start()
                self.check_results(archive)

    def test_an_archive_that_was_away_gets_the_results_when_it_is_back(self):
        with rig.running(rig.Orthanc(self.root / "archive")) as archive:
            archive.stop()
            with rig.running(self.start(archive, self.small_model())) as server:
                self.send_over_two_associations(server)
                rig.wait_for(lambda: b'"delivering"' in rig.get(f"{server.url}/studies")[1], 180, "delivery tried")
                archive.start()
                self.check_results(archive)


if __name__ == "__main__":
    if not DATA:
        print("skipped: METSERVE_TEST_DATA does not name the folder with real series")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
