#!/usr/bin/python3
"""A training that is killed ten times at random moments ends with the weights of an undisturbed one.

    training_kill.py METSERVE_MODELS_PROGRAM [KILLS]

CPU, float32, one thread, one seed. Needs python3-numpy; exits with 77 (skipped) where it is not installed.
"""
import pathlib
import random
import subprocess
import sys
import tempfile
import time

try:
    from toy_studies import write_toy_studies
except ImportError:
    print("skipped: python3-numpy is not installed")
    sys.exit(77)

STEPS = 150


def command(program, data, output):
    words = [program, "train", "--data", data, "--validation", data, "-o", output, "--resume", "--width", 8,
             "--aspp-channels", 8, "--crop", 32, "--batch", 2, "--steps", STEPS, "--interval", 50,
             "--checkpoint-interval", 7, "--threads", 1, "--precision", "float32"]
    return [str(word) for word in words]


def steps_logged(run):
    return [int(line.split(",")[0]) for line in (run / "training.csv").read_text().splitlines()[1:]]


def main():
    program, kills = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    moments = random.Random(8)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        write_toy_studies(directory / "data", 3)
        start = time.monotonic()
        subprocess.run(command(program, directory / "data", directory / "whole"), check=True, stdout=subprocess.DEVNULL)
        whole_s = time.monotonic() - start
        done, last = 0, directory / "killed" / "last.safetensors"
        while not last.exists():
            process = subprocess.Popen(command(program, directory / "data", directory / "killed"),
                                       stdout=subprocess.DEVNULL)
            if done == kills:
                process.wait()
                break
            try:
                process.wait(moments.uniform(0.02, 0.15) * whole_s)
            except subprocess.TimeoutExpired:
                process.kill()
                done += 1
            if process.wait() > 0:
                print("the training failed on its own")
                return 1
        if not last.exists():
            print("the last run did not end")
            return 1
        same = last.read_bytes() == (directory / "whole" / "last.safetensors").read_bytes()
        steps = steps_logged(directory / "killed")
        print(f"killed {done} times within {STEPS} steps: {'the same' if same else 'other'} weights, "
              f"{len(steps)} lines of training.csv")
        return 0 if same and steps == steps_logged(directory / "whole") else 1


if __name__ == "__main__":
    sys.exit(main())
