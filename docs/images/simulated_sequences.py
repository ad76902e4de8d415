#!/usr/bin/python3
"""Draws simulated_sequences.png: the four sequences of two simulated studies as they lie in the patient, at one lesion.

usage: simulated_sequences.py STUDY SAME_STUDY_WITHOUT_LESIONS PICTURE

Studies are folders of `metserve simulate --format nifti`. Upper row: with lesions; lower row: the same head and the same
scans without. Axial slices through the largest lesion, radiological view (the patient's right on the left). Needs
python3-numpy, python3-scipy and python3-pil."""
import gzip
import json
import pathlib
import struct
import sys

import numpy
from PIL import Image
from scipy import ndimage

SEQUENCES = ["t1_gre_post", "t1_se_pre", "t1_se_post", "flair"]
PIXELS, SPACING_MM, SCALE = 236, 0.9, 2


def read(file):
    """Voxels [x, y, z] and their affine to RAS mm (NIfTI-1: https://nifti.nimh.nih.gov/nifti-1)."""
    data = gzip.decompress(file.read_bytes())
    shape = struct.unpack_from("<8h", data, 40)[1:4]
    kind = {4: numpy.int16, 16: numpy.float32}[struct.unpack_from("<h", data, 70)[0]]
    offset = int(struct.unpack_from("<f", data, 108)[0])
    affine = numpy.vstack([numpy.frombuffer(data, "<f4", 12, 280).reshape(3, 4), [0, 0, 0, 1]])
    return numpy.frombuffer(data, kind, numpy.prod(shape), offset).reshape(shape, order="F"), affine


def axial(file, centre_lps_mm):
    """The axial slice through the point, 0..1 between the 1st and the 97th percentile of the head."""
    voxels, affine = read(file)
    steps = (numpy.arange(PIXELS) - PIXELS / 2) * SPACING_MM
    row, column = numpy.meshgrid(steps, steps, indexing="ij")  # towards posterior, towards the patient's left
    ras = numpy.stack([-column, -row, numpy.full_like(row, centre_lps_mm[2]), numpy.ones_like(row)])
    index = numpy.tensordot(numpy.linalg.inv(affine), ras, 1)[:3]
    low, high = numpy.percentile(voxels[voxels > 0.05 * voxels.max()], [1, 97])
    return numpy.clip((ndimage.map_coordinates(voxels.astype(float), index, order=1) - low) / (high - low), 0, 1)


def main(with_lesions, without, picture):
    lesions = json.loads((with_lesions / "study.json").read_text())["lesions"]
    centre = max(lesions, key=lambda lesion: lesion["volume_mm3"])["centroid_lps_mm"]
    rows = [numpy.hstack([axial(study / f"{name}.nii.gz", centre) for name in SEQUENCES])
            for study in (with_lesions, without)]
    image = Image.fromarray((255 * numpy.vstack(rows)).astype(numpy.uint8))
    image.resize((SCALE * image.width, SCALE * image.height), Image.LANCZOS).save(picture, optimize=True)


if __name__ == "__main__":
    main(*(pathlib.Path(name) for name in sys.argv[1:4]))
