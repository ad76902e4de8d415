#!/usr/bin/python3
"""Every experiment of the papers, from data to its table, on toy studies and in two steps a network.

    experiments_test.py METSERVE_MODELS_PROGRAM

Figures of such networks say nothing: what is tested is that each network trains and is evaluated on its subsets, that the
table has a row for each with what evaluation.json says, and that a second start makes the table of what is there.
Needs python3-numpy; exits with 77 (skipped) where it is not installed.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    from toy_studies import write_toy_studies
except ImportError:
    print("skipped: python3-numpy is not installed")
    sys.exit(77)

RUN = pathlib.Path(__file__).resolve().parents[2] / "models/experiments/run"
EVERY_NETWORK = ["input", "mid-shared", "mid-independent", "mid-l2", "end-shared", "end-independent", "end-l2", "mid-subtract",
                 "googlenet"]
FOUR = "BRAVO + CUBE pre + CUBE post + FLAIR"
ONE_MISSING = [FOUR, "CUBE pre + CUBE post + FLAIR", "BRAVO + CUBE post + FLAIR", "BRAVO + CUBE pre + FLAIR",
               "BRAVO + CUBE pre + CUBE post"]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def tables(text):
    """Each table's rows by their first cell, without heading and rule."""
    blocks = [[cells(line) for line in block.split("\n") if line.startswith("|")] for block in text.split("\n\n")]
    return [{row[0]: row[1:] for row in block[2:]} for block in blocks if block]


class Experiments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.directory.name)
        for seed, part in enumerate(["training", "validation", "test", "other"]):
            write_toy_studies(cls.root / part, 2, seed)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def start(self, name, *more, data="", output=None):
        folders = ["--data", self.root / f"{data}training", "--validation", self.root / f"{data}validation",
                   "--test", self.root / f"{data}test"]
        words = [RUN, name, "-o", self.root / (output or name), "--small", "--steps", 2, "--program", PROGRAM, "--threads", 1,
                 "--jobs", os.cpu_count(), *folders, *more]
        return subprocess.run([str(word) for word in words], capture_output=True, text=True)

    def run_experiment(self, name, *more, data="", output=None):
        done = self.start(name, *more, data=data, output=output)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout, tables((self.root / (output or name) / "table.md").read_text())

    def figures(self, name, network, number):
        """The detection figures of the evaluation's row, as its JSON file has them."""
        row = json.loads((self.root / name / network / "test/evaluation.json").read_text())[number]["detection"]
        names = "average_precision", "maximum_sensitivity", "true_positive_dice"
        return " / ".join("-" if row[key] is None else f"{100 * row[key]:.0f}" for key in names)

    def test_networks(self):
        _, (ours, dice, paper) = self.run_experiment("networks")
        self.assertEqual(list(ours), EVERY_NETWORK)
        self.assertEqual(list(dice), EVERY_NETWORK)
        self.assertEqual(ours["mid-shared"], [self.figures("networks", network, number) for number in range(3)
                                              for network in ("mid-shared", "mid-shared-dropout")])
        self.assertEqual([cell == "-" for cell in ours["mid-subtract"]], [False, True] * 3)  # without dropout alone
        self.assertEqual(paper["input"], ["46 / 80 / 72", "45 / 80 / 72", "0 / 0 / -", "37 / 62 / 72"])

    def test_dropout_and_starting_again(self):
        _, (table,) = self.run_experiment("dropout")
        self.assertEqual(list(table), ONE_MISSING)
        self.assertEqual(table[ONE_MISSING[3]][:2], [self.figures("dropout", network, 3)
                                                    for network in ("input", "input-dropout")])
        printed, (again,) = self.run_experiment("dropout")
        self.assertEqual(again, table)
        self.assertNotIn("$ ", printed)  # nothing was trained or evaluated again
        for other, folder in [(["--steps", 3], "dropout/input holds"), (["--test", self.root / "other"], "dropout/input/test holds")]:
            refused = self.start("dropout", *other)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(folder, refused.stderr)
            self.assertIn("other settings", refused.stderr)

    def test_subsets(self):
        _, (table,) = self.run_experiment("subsets")
        self.assertEqual(list(table), ONE_MISSING)
        self.assertEqual(table[FOUR][1], "-")
        self.assertEqual(table[ONE_MISSING[1]], [self.figures("subsets", "input-dropout", 1),
                                                 self.figures("subsets", "input-without-t1_gre_post", 0)])

    def test_data_without_a_sequence(self):
        for seed, part in enumerate(["training", "validation", "test"]):
            write_toy_studies(self.root / f"brats-{part}", 2, seed, ["t1_gre_post", "t1_se_pre", "flair"])
        printed, (table,) = self.run_experiment("subsets", data="brats-", output="brats")
        self.assertIn("left out, the data has no t1_se_post", printed)
        self.assertEqual([row[1] == "-" for row in table.values()], [True, True, True, False, True])
        printed, (ours, *_) = self.run_experiment("networks", data="brats-", output="brats-networks")
        self.assertIn("mid-subtract: left out", printed)
        self.assertEqual(list(ours), [network for network in EVERY_NETWORK if network != "mid-subtract"])

    def test_hospitals(self):
        _, (table,) = self.run_experiment("hospitals", "--other-test", self.root / "other")
        self.assertEqual(list(table), ["input", "input-dropout"])
        self.assertTrue((self.root / "hospitals/input/other_test/evaluation.json").exists())

    def test_saliency(self):
        _, (table,) = self.run_experiment("saliency")
        self.assertEqual(list(table), ["input", "input-dropout", "mid-shared", "mid-shared-dropout"])
        for row in table.values():
            self.assertAlmostEqual(sum(int(cell.split()[0]) for cell in row[:4]), 100, delta=2)  # rounded shares

    def test_saliency_without_bravo(self):
        for seed, part in enumerate(["training", "validation", "test"]):
            write_toy_studies(self.root / f"oslo-{part}", 2, seed, ["t1_se_pre", "t1_se_post", "flair"])
        _, (table,) = self.run_experiment("saliency", data="oslo-", output="oslo")
        for row in table.values():
            self.assertEqual((row[0], row[4]), ("0 %", "-"))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
