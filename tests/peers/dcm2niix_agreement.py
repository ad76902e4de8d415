#!/usr/bin/python3
"""Compares what MetServe loads with what dcm2niix makes of the same files: matrices to 1e-3 mm, voxels exactly.

    dcm2niix_agreement.py VOLUME_DUMP [STUDY_DIR...]

VOLUME_DUMP is the test program of that name. Without folders: those of METSERVE_TEST_DATA that hold whole series.
dcm2niix mirrors rows and counts some slices the other way round, and it writes RAS: both are undone by asking where
its voxels lie. Two volumes of one series (echoes, frame types) are paired by their voxels. Exit status 77: skipped.

dcm2niix 1.0.20220720 takes the slice thickness for the distance between slices of enhanced images that have gaps
and do not state that distance. There the positions of the images decide (PS3.3 C.7.6.2.1.1) and the difference is
named, not failed: everything but the distance has to agree.
"""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy

FOLDERS = ["nema_brtum_enhanced/mr", "siemens_xa30_enhanced", "ge_excite_cor_irspgr"]
TOLERANCE_MM = 1e-3
TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2", 768: "<u4"}


class Volume:
    """Voxels [column, row, slice] and the matrix from their index to LPS mm."""

    def __init__(self, voxels, matrix, thickness=0.0, scaled=False):
        self.voxels, self.matrix, self.thickness, self.scaled = voxels, matrix, thickness, scaled


def read_nifti(path):
    data = path.read_bytes()
    size = struct.unpack_from("<8h", data, 40)
    kind = struct.unpack_from("<h", data, 70)[0]
    offset, slope, intercept = struct.unpack_from("<3f", data, 108)
    if size[0] != 3 or kind not in TYPES:
        return None  # several volumes, or colour
    voxels = numpy.frombuffer(data, TYPES[kind], size[1] * size[2] * size[3], int(offset))
    voxels = voxels.reshape(size[1:4], order="F").astype(numpy.float64)
    scaled = slope not in (0.0, 1.0) or intercept != 0.0
    if scaled:
        voxels = voxels * (slope or 1.0) + intercept
    matrix = numpy.eye(4)
    matrix[:3] = numpy.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
    return Volume(voxels, numpy.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix, scaled=scaled)


def theirs_of(folder, out):
    subprocess.run(["dcm2niix", "-z", "n", "-b", "n", "-f", "%j", "-o", out, folder], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = {}
    for path in sorted(pathlib.Path(out).glob("*.nii")):
        volume = read_nifti(path)
        if volume is not None:
            found.setdefault(path.stem.split("_")[0], []).append(volume)
    return found


def ours_of(program, folder, out):
    text = subprocess.run([program, folder, out], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        words = line.split()
        if words[1] == "refused:":
            continue
        size = [int(word) for word in words[2:5]]
        matrix = numpy.eye(4)
        matrix[:3] = numpy.array([float(word) for word in words[6:18]]).reshape(3, 4)
        voxels = numpy.fromfile(pathlib.Path(out) / f"{words[0]}.raw", "<f4").reshape(size, order="F")
        yield words[1], Volume(voxels, matrix, float(words[5]))


def turned_like(ours, theirs):
    """Their volume with its axes turned and mirrored to point as ours do; None when they are not the same."""
    alignment = numpy.linalg.inv(theirs.matrix[:3, :3]) @ ours.matrix[:3, :3]
    order = numpy.argmax(abs(alignment), axis=0)
    if sorted(order) != [0, 1, 2]:
        return None
    voxels = numpy.transpose(theirs.voxels, order)
    if voxels.shape != ours.voxels.shape:
        return None
    matrix = theirs.matrix.copy()
    matrix[:, :3] = theirs.matrix[:, order]
    for axis in range(3):
        if alignment[order[axis], axis] < 0:
            voxels = numpy.flip(voxels, axis)
            matrix[:, 3] += matrix[:, axis] * (voxels.shape[axis] - 1)
            matrix[:, axis] *= -1
    return Volume(voxels, matrix, theirs.thickness, theirs.scaled)


def compare(ours, theirs):
    """What differs, or an empty text; and a remark."""
    spacing = numpy.linalg.norm(ours.matrix[:3, 2])
    their_spacing = numpy.linalg.norm(theirs.matrix[:3, 2])
    remark, checked = "", slice(0, 4)
    if abs(spacing - their_spacing) > TOLERANCE_MM and abs(their_spacing - ours.thickness) < TOLERANCE_MM:
        remark = f"dcm2niix takes the thickness of {ours.thickness:g} mm for the distance of {spacing:g} mm"
        ahead = theirs.matrix[:3, 2] / their_spacing - ours.matrix[:3, 2] / spacing
        if abs(ahead).max() > TOLERANCE_MM:
            return "slices run in another direction", remark
        checked = slice(0, 2)
    off = abs(ours.matrix[:3, checked] - theirs.matrix[:3, checked]).max()
    if off > TOLERANCE_MM:
        return f"matrices differ by {off:.4f} mm", remark
    return "", remark or f"matrices within {off:.5f} mm"


def same_voxels(ours, theirs):
    """Exactly the same; scaled ones within the rounding of dcm2niix's scale, which is a 32-bit float."""
    allowed = 2e-7 * abs(theirs.voxels).max() if theirs.scaled else 0.0
    return abs(theirs.voxels - ours.voxels).max() <= allowed


def check(program, folder):
    failures = compared = 0
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        theirs = theirs_of(folder, a)
        for uid, ours in ours_of(program, folder, b):
            turned = [volume for volume in (turned_like(ours, t) for t in theirs.get(uid, [])) if volume]
            if not turned:
                continue
            same = [t for t in turned if same_voxels(ours, t)]
            compared += 1
            if same:
                difference, remark = compare(ours, same[0])
            else:
                difference, remark = "voxels differ", ""
            failures += bool(difference)
            shape = " x ".join(str(n) for n in ours.voxels.shape)
            print(f"{folder.name} {uid[-20:]} {shape}: {difference or 'agrees'}{', ' if remark else ''}{remark}")
    return compared, failures


def main():
    program, folders = sys.argv[1], [pathlib.Path(folder) for folder in sys.argv[2:]]
    data = os.environ.get("METSERVE_TEST_DATA", "")
    if not folders and pathlib.Path(data, FOLDERS[0]).is_dir():
        folders = [pathlib.Path(data, folder) for folder in FOLDERS]
    if not folders or shutil.which("dcm2niix") is None:
        print("skipped: METSERVE_TEST_DATA names no folder with real series, or dcm2niix is not installed")
        return 77
    results = [check(program, folder) for folder in folders]
    compared, failures = (sum(column) for column in zip(*results))
    print(f"{compared} volumes compared, {failures} differ")
    return 1 if failures or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
