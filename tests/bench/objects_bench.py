#!/usr/bin/python3
"""Time and memory of writing results with many lesions, and of plastimatch writing the same structure set.

usage: objects_bench.py WRITE_RESULTS [--lesions 300] [--slices 300] [--edge 256]
WRITE_RESULTS: the program of tests/peers. Prints a table; the machine should be idle.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import references  # noqa: E402


def measured(*command):
    """Wall seconds, CPU seconds and peak memory in MiB of a program that has to succeed."""
    start = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"objects_bench: {command[0]} ended with status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def row(name, wall, cpu, mib):
    print(f"{name:52s} {wall:7.2f} {cpu:7.2f} {mib:9.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("write_results")
    parser.add_argument("--lesions", type=int, default=300)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--edge", type=int, default=256)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        shape = (arguments.slices, arguments.edge, arguments.edge)
        # In a process of its own: what this one once held would count for those that it starts.
        writer = multiprocessing.Process(target=references.write, args=(
            references.Options(shape=shape, spacing_mm=(1, 0.94, 0.94)), root / "reference"))
        writer.start()
        writer.join()
        print(f"{arguments.lesions} lesions in {' x '.join(str(n) for n in shape)}\n"
              f"{'':52s} {'wall s':>7s} {'CPU s':>7s} {'peak MiB':>9s}")
        for lesions in (0, arguments.lesions):
            out = root / f"results-{lesions}"
            whole = measured(arguments.write_results, root / "reference", out, "--lesions", lesions)
            row(f"write_results, {lesions} lesions, reading included", *whole)
            if lesions > 0:
                encode = json.loads((out / "lesions.json").read_text())["timings_s"]["encode"]
                voxels = (numpy.fromfile(out / "labels.raw", "<u2") != 0).sum()
                print(f"  of that SEG, RTSTRUCT, report and preview {encode:19.2f}   ({voxels} lesion voxels)")
        if shutil.which("plastimatch"):
            row("plastimatch convert RTSTRUCT to RTSTRUCT", *measured(
                "plastimatch", "convert", "--input", out / "rtstruct.dcm", "--output-dicom", root / "plastimatch"))


if __name__ == "__main__":
    main()
