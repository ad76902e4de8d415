"""MR series to write results for, made with pydicom alone: classic or enhanced, any plane, matrix and character set."""
import dataclasses
import pathlib

import numpy
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

MR, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
ROOT = "1.2.826.0.1.3680043.10.999"

# Direction of a row (from column to column) and of a column (from row to row), LPS.
PLANES = {
    "axial": ([1, 0, 0], [0, 1, 0]),
    "sagittal": ([0, 1, 0], [0, 0, -1]),
    "coronal": ([1, 0, 0], [0, 0, -1]),
    "oblique": ([numpy.cos(0.35), numpy.sin(0.35), 0],
                [-numpy.sin(0.35) * numpy.cos(-0.2), numpy.cos(0.35) * numpy.cos(-0.2), numpy.sin(-0.2)]),
}
NAMES = {"ISO_IR 100": "Müller^Jörg", "ISO_IR 192": "Løvås^Åse", "": "Mueller^Joerg",
         ("", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎=やまだ^たろう"}


@dataclasses.dataclass
class Options:
    plane: str = "axial"
    shape: tuple = (20, 47, 61)  # slices, rows, columns
    spacing_mm: tuple = (1.3, 1.1, 0.9)  # likewise
    character_set: object = "ISO_IR 100"
    enhanced: bool = False


def common(options):
    data = Dataset()
    if options.character_set:
        data.SpecificCharacterSet = list(options.character_set) if isinstance(options.character_set, tuple) \
            else options.character_set
    data.PatientName = NAMES[options.character_set]
    data.PatientID, data.PatientBirthDate, data.PatientSex = "P-0042", "19550308", "O"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = ROOT + ".1", ROOT + ".1.2", ROOT + ".1.3"
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20260102", "101112", "S1", "A1"
    data.ReferringPhysicianName = ""
    data.Modality, data.SeriesNumber, data.Manufacturer = "MR", 8, "Acme"
    data.PositionReferenceIndicator = ""
    data.Rows, data.Columns = options.shape[1:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    return data


def decimals(values):
    return [f"{value:.9g}" for value in numpy.where(numpy.abs(values) < 1e-12, 0, values)]


def positions(options):
    """Of the first voxel of each slice, along the normal."""
    rows, columns = (numpy.array(axis, float) for axis in PLANES[options.plane])
    normal = numpy.cross(rows, columns)
    slices = numpy.arange(options.shape[0])[:, None] * options.spacing_mm[0] * normal
    centre = (rows * options.spacing_mm[2] * (options.shape[2] - 1) + columns * options.spacing_mm[1] *
              (options.shape[1] - 1) + normal * options.spacing_mm[0] * (options.shape[0] - 1)) / 2
    return slices - centre + numpy.array([3.25, -17.5, 41.0])


def pixels(options):
    """An ellipsoid of noise: a head for whoever looks for one."""
    grid = numpy.meshgrid(*(numpy.linspace(-1, 1, n) for n in options.shape), indexing="ij")
    head = sum(axis ** 2 for axis in grid) < 0.8
    noise = numpy.random.default_rng(3).integers(0, 60, options.shape)
    return (head * 400 + noise).astype("<u2")


def save(data, sop_class, sop_instance, path):
    data.SOPClassUID, data.SOPInstanceUID = sop_class, sop_instance
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, sop_instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), data, file_meta=meta, preamble=b"\0" * 128)
    file.is_little_endian, file.is_implicit_VR = True, False
    file.save_as(path, write_like_original=False)


def plane_groups(options, position, number):
    groups = Dataset()
    content = Dataset()
    content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", number, [1, number]
    groups.FrameContentSequence = Sequence([content])
    place = Dataset()
    place.ImagePositionPatient = decimals(position)
    groups.PlanePositionSequence = Sequence([place])
    return groups


def write_enhanced(options, directory):
    data = common(options)
    data.ImageType, data.NumberOfFrames = ["ORIGINAL", "PRIMARY", "T1", "NONE"], options.shape[0]
    shared = Dataset()
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = decimals(numpy.concatenate(PLANES[options.plane]))
    measures.PixelSpacing, measures.SliceThickness = decimals(options.spacing_mm[1:]), decimals(options.spacing_mm[:1])
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    # Stored from the far end: the order of frames says nothing of their place.
    places = list(enumerate(positions(options), 1))[::-1]
    data.PerFrameFunctionalGroupsSequence = Sequence([plane_groups(options, p, n) for n, p in places])
    data.PixelData = pixels(options)[::-1].tobytes()
    save(data, ENHANCED_MR, data.SeriesInstanceUID + ".1", directory / "enhanced.dcm")


def write(options, directory):
    """Writes the series into `directory`; returns its files."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True)
    if options.enhanced:
        write_enhanced(options, directory)
        return sorted(directory.iterdir())
    voxels = pixels(options)
    for number, position in enumerate(positions(options), 1):
        data = common(options)
        data.ImageType, data.InstanceNumber = ["ORIGINAL", "PRIMARY", "OTHER"], number
        data.ImagePositionPatient = decimals(position)
        data.ImageOrientationPatient = decimals(numpy.concatenate(PLANES[options.plane]))
        data.PixelSpacing, data.SliceThickness = decimals(options.spacing_mm[1:]), decimals(options.spacing_mm[:1])
        data.PixelData = voxels[number - 1].tobytes()
        save(data, MR, f"{data.SeriesInstanceUID}.{number}", directory / f"{number:03}.dcm")
    return sorted(directory.iterdir())


def series_below(directory):
    """Files of every MR image series below `directory`, each image once: {series UID: [files]}."""
    found = {}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        if not path.is_file() or path.suffix in (".gz", ".csv", ".md", ".json", ".nrrd", ".nii"):
            continue
        try:
            data = pydicom.dcmread(path, specific_tags=["SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
        except (pydicom.errors.InvalidDicomError, OSError, ValueError):
            continue
        if data.get("SOPClassUID") in (MR, ENHANCED_MR):
            found.setdefault(data.get("SeriesInstanceUID"), {}).setdefault(data.SOPInstanceUID, path)
    return {uid: list(files.values()) for uid, files in found.items()}
