#!/usr/bin/python3
"""What a model makes of the real heads of the test data: a table.

    tests/bench/real_heads.py METSERVE TEST_DATA OUT [--model DIR] [--threads N] [--fg6692 DIR]

Two heads with an enhancing tumour outlined by hand (T1 after gadolinium alone, slices of 6.5 mm), BRTUM (a tumour that
takes up no contrast agent; T1 before and after, FLAIR; 6 mm) and, with --fg6692, the folder FG6692_moved that
real_head_study has written (T1 before and after, FLAIR; 5.5 mm). None of them has metastases outlined, so this says
whether a network trained on simulated studies sees anything at all, not how good it is.
"""
import argparse
import gzip
import json
import pathlib
import subprocess

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
SEEN = 0.01  # the lowest threshold of a voxel to be counted as seen at all


def read_nrrd(file):
    """Voxels [slice, row, column], and columns of the affine from (column, row, slice) to LPS mm."""
    head, _, body = file.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:] if ": " in line)
    if fields["space"] != "left-posterior-superior" or fields["encoding"] != "gzip":
        raise SystemExit(f"{file}: space {fields['space']}, encoding {fields['encoding']}: not read here")
    kind = {"short": "<i2", "int": "<i4"}[fields["type"]]
    columns, rows, slices = (int(n) for n in fields["sizes"].split())
    voxels = np.frombuffer(gzip.decompress(body), kind).reshape(slices, rows, columns)
    def vector(text):
        return np.array([float(part) for part in text.strip("()").split(",")])

    return voxels, [vector(part) for part in fields["space directions"].split()], vector(fields["space origin"])


def write_series(voxels, directions, origin, folder):
    """A classic MR series, T1 spin echo after gadolinium."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = (generate_uid(entropy_srcs=[str(folder), part]) for part in ("study", "series", "frame"))
    unit = [direction / np.linalg.norm(direction) for direction in directions]
    for number, pixels in enumerate(voxels):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = MR_IMAGE, generate_uid(entropy_srcs=[series, str(number)])
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.Modality, image.PatientName, image.PatientID = "MR", "REAL^HEAD", folder.name
        image.StudyDate, image.StudyTime, image.SeriesNumber, image.InstanceNumber = "20200101", "100000", 1, number + 1
        image.SeriesDescription, image.ScanningSequence, image.SequenceVariant = "AX T1 SE +C", "SE", "SK"
        image.MRAcquisitionType, image.RepetitionTime, image.EchoTime = "2D", 550, 12
        image.ImageType, image.ContrastBolusAgent = ["ORIGINAL", "PRIMARY", "OTHER"], "Gadolinium"
        image.Manufacturer, image.BodyPartExamined = "GE MEDICAL SYSTEMS", "BRAIN"
        image.ImageOrientationPatient = [f"{value:.6f}" for value in (*unit[0], *unit[1])]
        image.ImagePositionPatient = [f"{value:.4f}" for value in origin + number * directions[2]]
        spacing = [np.linalg.norm(direction) for direction in directions]
        image.PixelSpacing, image.SliceThickness = [f"{spacing[1]:.6f}", f"{spacing[0]:.6f}"], f"{spacing[2]:.4f}"
        image.Rows, image.Columns = pixels.shape
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = pixels.astype("<i2").tobytes()
        image.file_meta = FileMetaDataset()
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.is_little_endian, image.is_implicit_VR = True, False
        image.save_as(folder / f"{number:03}.dcm", write_like_original=False)


def segment(options, study, folder, *bounds):
    """lesions.json of a run with these bounds."""
    words = [options.metserve, "segment", study, "-o", folder, "--threads", options.threads, "--probabilities", *bounds]
    words += ["--model", options.model] if options.model else []
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "lesions.json").read_text())


def probability_of(file, series):
    """[slice, row, column] in the order of the series' files, from the FRACTIONAL segmentation."""
    seg = pydicom.dcmread(file)
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns) / seg.MaximumFractionalValue
    source = {pydicom.dcmread(image, stop_before_pixels=True).SOPInstanceUID: number
              for number, image in enumerate(sorted(series.iterdir()))}
    volume = np.zeros((len(source), seg.Rows, seg.Columns))
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence):
        image = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        volume[source[image]] = frame
    return volume


def row(name, sequences, seen, found, truth=None, probability=None):
    highest = max((lesion["max_probability"] for lesion in seen["lesions"]), default=None)
    inside = "-"
    if truth is not None:
        inside = f"{probability[truth].max():.3f} in it, {probability[~truth].max():.3f} elsewhere"
    return (f"| {name} | {sequences} | {'below ' + str(SEEN) if highest is None else f'{highest:.3f}'} | {inside} | "
            f"{len(found['lesions'])} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("metserve", type=pathlib.Path)
    parser.add_argument("test_data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, help="the bundled one without it")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0: all")
    parser.add_argument("--fg6692", type=pathlib.Path)
    options = parser.parse_args()
    studies = {"BRTUM": (options.test_data / "nema_brtum_enhanced/mr", "CUBE pre, CUBE post, FLAIR", None)}
    if options.fg6692:
        studies["FG6692"] = (options.fg6692, "CUBE pre, CUBE post, FLAIR", None)
    heads = options.test_data / "pyradiomics_brain_t1gd_tumour"
    for name in ("brain1", "brain2"):
        write_series(*read_nrrd(heads / f"{name}_image.nrrd"), options.out / f"{name}_dicom")
        truth = read_nrrd(heads / f"{name}_label.nrrd")[0] != 0
        studies[name] = (options.out / f"{name}_dicom", "CUBE post", truth)
    print("| head | taken as | highest probability | of the outlined tumour | lesions by the model's rule |")
    print("|---|---|---|---|---|")
    for name, (study, sequences, truth) in studies.items():
        seen = segment(options, study, options.out / f"{name}_seen", "--threshold", SEEN, "--minimum-peak", 0, "--minimum-roundness", 0)
        found = segment(options, study, options.out / f"{name}_found")
        probability = None
        if truth is not None:
            probability = probability_of(options.out / f"{name}_seen/probability.dcm", study)
        print(row(name, sequences, seen, found, truth, probability), flush=True)


if __name__ == "__main__":
    main()
