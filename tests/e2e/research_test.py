"""A researcher's road through the program's own commands: simulate, prepare, train, train on, evaluate.

usage: research_test.py METSERVE"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv[1]
OPTIONS = """steps: {steps}
interval: 2
checkpoint_interval: 1
warmup_steps: 1
validation_stride: 40
network: {{width: 8, aspp_channels: 8, output_stride: 16, subset: [t1_gre_post]}}
sampler: {{crop: 32, batch: 2}}
"""


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)


class Research(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def succeed(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def config(self, steps):
        file = self.root / f"{steps}.yaml"
        file.write_text(OPTIONS.format(steps=steps))
        return file

    def test_a_network_is_trained_on_prepared_studies_and_on_from_its_weights(self):
        self.succeed("simulate", "-o", self.root / "one", "--studies", 2, "--format", "nifti", "--min-lesions", 3)
        shutil.copytree(self.root / "one", self.root / "other")
        prepared = self.root / "prepared"
        self.assertIn("2 of 2 studies", self.succeed("prepare", "--data", self.root / "one", "-o", prepared))
        before = {file: file.read_bytes() for file in prepared.iterdir()}
        self.assertIn("2 of 2 studies", self.succeed("prepare", "--data", self.root / "one", "-o", prepared))

        # Studies of the same names from elsewhere.
        refused = run("prepare", "--data", self.root / "other", "-o", prepared)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(str(self.root / "other"), refused.stderr)
        self.assertIn("is there already", refused.stderr)
        self.assertEqual(before, {file: file.read_bytes() for file in prepared.iterdir()})

        told = self.succeed("train", "--data", prepared, "--config", self.config(2), "-o", self.root / "first")
        self.assertIn("1 studies to train on, 1 to validate on\nsequences", told)
        self.succeed("train", "--data", prepared, "--config", self.config(3), "-o", self.root / "second", "--name", "second",
                     "--mirrored", "--start-from", self.root / "first/model/weights.safetensors")
        self.assertIn(f"1 studies from {prepared}, on from the weights of own 1",
                      (self.root / "second/model/CARD.md").read_text())

        self.succeed("evaluate", "--data", prepared, "--model", self.root / "second/model", "--subsets", "full", "-o",
                     self.root / "report")
        self.assertIn("| all four | 2 |", (self.root / "report/evaluation.md").read_text())
        for model, mirrored in (("first", False), ("second", True)):
            self.assertEqual(mirrored, "mirrored_from: " in (self.root / model / "model/model.yaml").read_text())
        self.assertIn("asked about the mirror image as well", (self.root / "report/report.html").read_text())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
