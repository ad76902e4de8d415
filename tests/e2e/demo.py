"""The main job for people to watch: a simulated study goes in by C-STORE, SEG and RTSTRUCT arrive at an archive, and
the lesions found stand beside the true ones. usage: demo.py PROGRAM MODEL OUTPUT_DIRECTORY"""

import json
import pathlib
import shutil
import subprocess
import sys
import time

import rig


def found_against_true(truth, lesions):
    """Pairs each true lesion with the nearest one found whose centroid lies within its radius (3 mm at least)."""
    remaining = list(lesions)
    rows = []
    for true in truth:
        def distance(lesion):
            return sum((a - b) ** 2 for a, b in zip(lesion["centroid_lps_mm"], true["centroid_lps_mm"])) ** 0.5
        nearest = min(remaining, key=distance, default=None)
        if nearest and distance(nearest) <= max(true["diameter_mm"] / 2, 3.0):
            remaining.remove(nearest)
            rows.append((true, nearest, distance(nearest)))
        else:
            rows.append((true, None, None))
    return rows, remaining


def print_table(truth, lesions):
    rows, false_positives = found_against_true(truth, lesions)
    print("\n  true lesion                    found")
    print("  no  diameter mm  volume mm3    no  volume mm3  apart mm")
    for true, found, apart in rows:
        line = f"  {true['number']:2d}  {true['diameter_mm']:11.1f}  {true['volume_mm3']:10.0f}"
        line += f"    {found['id']:2d}  {found['volume_mm3']:10.0f}  {apart:8.1f}" if found else "     -  missed"
        print(line)
    hits = sum(found is not None for _, found, _ in rows)
    print(f"  {hits} of {len(truth)} true lesions found, {len(false_positives)} found that are none\n")
    return hits, len(false_positives)


def main(program, model, out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    print("Simulating a study (procedural head, simulated lesions)", flush=True)
    subprocess.run([program, "simulate", "-o", out / "simulated", "--studies", "1", "--seed", "7", "--format", "dicom"],
                   check=True, stdout=subprocess.DEVNULL)
    study = next(path for path in (out / "simulated").iterdir() if path.is_dir())
    images = sorted(study.rglob("*.dcm"))

    with rig.running(rig.Orthanc(out / "archive")) as archive:
        with rig.running(rig.MetServe(program, model, out / "metserve", [archive], quiet_time_s=3)) as server:
            print(f"Sending {len(images)} images to metserve with storescu", flush=True)
            server.send(images)
            start = time.monotonic()
            rig.wait_for(lambda: archive.instances(rig.SEG) and archive.instances(rig.RTSTRUCT), 600,
                         "SEG and RTSTRUCT in the archive")
            print(f"SEG and RTSTRUCT arrived at the archive {time.monotonic() - start:.0f} s after the last image")
            for sop_class, name in ((rig.SEG, "seg.dcm"), (rig.RTSTRUCT, "rtstruct.dcm")):
                archive.fetch(archive.instances(sop_class)[0], out / name)
            results = next((out / "metserve" / "state").rglob("lesions.json")).parent
            for name in ("lesions.json", "preview.png"):
                shutil.copy(results / name, out / name)

    truth = json.loads((study / "truth.json").read_text())["lesions"]
    hits, false_positives = print_table(truth, json.loads((out / "lesions.json").read_text())["lesions"])
    print(f"Results: {out}/seg.dcm, rtstruct.dcm, lesions.json; picture to look at: {out}/preview.png")
    if hits < 0.75 * len(truth) or false_positives > 3:
        sys.exit("demo: the bundled model finds more than that in this study, and less that is no lesion")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve())
