"""One whole simulated study (four sequences, 160 axial slices) through a running server on a given number of cores:
seconds from the last image to the results in the archive, and the server's peak memory. Prints a table.

usage: study_bench.py PROGRAM MODEL OUTPUT_DIRECTORY [STUDIES [CORES]]"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import rig  # noqa: E402


def peak_memory_gib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 2**20


def main(program, model, out, studies, cores):
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run([program, "simulate", "-o", out / "simulated", "--studies", str(studies), "--seed", "101",
                    "--format", "dicom"], check=True, stdout=subprocess.DEVNULL)
    quiet_time_s = 2
    with rig.running(rig.Orthanc(out / "archive")) as archive, \
            rig.running(rig.MetServe(program, model, out / "metserve", [archive], quiet_time_s)) as server:
        os.sched_setaffinity(server.process.pid, range(cores))
        for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), range(cores))
        print(f"{cores} cores, quiet time {quiet_time_s} s taken off")
        print("study  images  send s  last image to delivered s  peak GiB  stages s")
        for study in sorted(path for path in (out / "simulated").iterdir() if path.is_dir()):
            images = sorted(study.rglob("*.dcm"))
            before = len(archive.instances(rig.SR3D))
            started = time.monotonic()
            server.send(images)
            sent = time.monotonic()
            rig.wait_for(lambda b=before: len(archive.instances(rig.SR3D)) > b, 900, "report in the archive")
            done = time.monotonic()
            newest = max((out / "metserve" / "state").rglob("lesions.json"), key=lambda file: file.stat().st_mtime)
            stages = json.loads(newest.read_text())["timings_s"]
            print(f"{study.name}  {len(images):6d}  {sent - started:6.1f}  {done - sent - quiet_time_s:26.1f}"
                  f"  {peak_memory_gib(server.process.pid):8.2f}  "
                  + " ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int((sys.argv[4:] or ["1"])[0]),
         int((sys.argv[5:] or ["2"])[0]))
