#!/usr/bin/python3
"""Reads a segmentation and a structure set with pydicom and numpy alone, and says whether they tell the same.

    results_readback.py REFERENCE_DIR SEG RTSTRUCT [--labels FILE] [--at N X Y Z]...

REFERENCE_DIR holds the reference series (among others, if need be). A segment and the ROI that has its tracking ID as a
name are compared on the reference's own grid: bits unpacked least significant first, polygons rasterised by the even-odd rule at voxel
centres. Fails (exit status 1) when a lesion above 100 mm3 has a Dice below 0.98, when a frame or contour lies in
another plane than the image that it refers to, with --labels when the segmentation differs from that label map
(16-bit little endian, [slices, rows, columns] in the order of the slices' positions along their normal), and
with --at when the centroid of lesion N is more than half a voxel from that place (LPS, mm).
"""
import argparse
import pathlib
import sys

import numpy
import pydicom

DICE = 0.98
DICE_ABOVE_MM3 = 100


class Plane:
    """One image of the reference series: where its voxel centres lie."""

    def __init__(self, key, position, orientation, spacing, rows, columns):
        self.key = key
        self.position = numpy.array(position, float)
        self.along_columns = numpy.array(orientation[:3], float)  # from column to column
        self.along_rows = numpy.array(orientation[3:], float)
        self.normal = numpy.cross(self.along_columns, self.along_rows)
        self.row_spacing, self.column_spacing = (float(s) for s in spacing)
        self.shape = (rows, columns)

    def indices(self, points):
        """Points [n, 3] as column index, row index and distance from the plane in mm."""
        offset = points - self.position
        return (offset @ self.along_columns / self.column_spacing, offset @ self.along_rows / self.row_spacing,
                offset @ self.normal)

    def places(self, mask):
        """Voxel centres of a mask in mm, [n, 3]."""
        rows, columns = numpy.nonzero(mask)
        return (self.position + columns[:, None] * self.column_spacing * self.along_columns +
                rows[:, None] * self.row_spacing * self.along_rows)


def group(frame, shared, name):
    """Item of a functional group, the frame's own or the shared one."""
    for groups in (frame, shared):
        if name in groups:
            return groups[name].value[0]
    raise KeyError(name)


def planes_of(dataset):
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        yield Plane((dataset.SOPInstanceUID, 1), dataset.ImagePositionPatient, dataset.ImageOrientationPatient,
                    dataset.PixelSpacing, dataset.Rows, dataset.Columns)
        return
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence, 1):
        yield Plane((dataset.SOPInstanceUID, number),
                    group(frame, shared, "PlanePositionSequence").ImagePositionPatient,
                    group(frame, shared, "PlaneOrientationSequence").ImageOrientationPatient,
                    group(frame, shared, "PixelMeasuresSequence").PixelSpacing, dataset.Rows, dataset.Columns)


def read_reference(directory, series_uid):
    planes = []
    for path in sorted(pathlib.Path(directory).rglob("*")):
        if not path.is_file():
            continue
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            continue
        if dataset.get("SeriesInstanceUID") == series_uid:
            planes.extend(planes_of(dataset))
    if not planes:
        sys.exit(f"no image of series {series_uid} below {directory}")
    normal = planes[0].normal
    return sorted(planes, key=lambda plane: plane.position @ normal)


def reference_key(item):
    return item.ReferencedSOPInstanceUID, int(item.get("ReferencedFrameNumber", 1))


def read_segmentation(seg, planes, problems):
    """Masks by segment number and plane index."""
    by_key = {plane.key: n for n, plane in enumerate(planes)}
    pixels = seg.Rows * seg.Columns
    bits = numpy.unpackbits(numpy.frombuffer(seg.PixelData, numpy.uint8), bitorder="little")
    frames = bits[:seg.NumberOfFrames * pixels].reshape(seg.NumberOfFrames, seg.Rows, seg.Columns).astype(bool)
    shared = seg.SharedFunctionalGroupsSequence[0]
    masks = {}
    for number, (item, frame) in enumerate(zip(seg.PerFrameFunctionalGroupsSequence, frames), 1):
        sources = [s for d in item.DerivationImageSequence for s in d.SourceImageSequence]
        if len(sources) != 1 or reference_key(sources[0]) not in by_key:
            problems.append(f"frame {number} refers to {len(sources)} images, or to none of the series")
            continue
        index = by_key[reference_key(sources[0])]
        plane = planes[index]
        position = numpy.array(group(item, shared, "PlanePositionSequence").ImagePositionPatient, float)
        orientation = numpy.array(group(item, shared, "PlaneOrientationSequence").ImageOrientationPatient, float)
        if numpy.abs(position - plane.position).max() > 1e-3:
            problems.append(f"frame {number} lies at {position}, its image at {plane.position}")
        if numpy.abs(orientation - numpy.concatenate([plane.along_columns, plane.along_rows])).max() > 1e-3:
            problems.append(f"frame {number} is turned against its image")
        segment = int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        if index in masks.setdefault(segment, {}):
            problems.append(f"frame {number} repeats a slice of segment {segment}")
        masks[segment][index] = frame
    return masks


def inside(x, y, columns, rows):
    """Even-odd rule for a grid of voxel centres: [len(rows), len(columns)]."""
    result = numpy.zeros((len(rows), len(columns)), bool)
    for x0, y0, x1, y1 in zip(x, y, numpy.roll(x, -1), numpy.roll(y, -1)):
        crossed = (y0 > rows) != (y1 > rows)
        if crossed.any():
            where = x0 + (rows[crossed] - y0) / (y1 - y0) * (x1 - x0)
            result[crossed] ^= columns[None, :] < where[:, None]
    return result


def read_structure_set(rt, seg, planes, problems):
    """Masks by the number of the segment that has the ROI's name, and plane index."""
    by_name = {segment.TrackingID: int(segment.SegmentNumber) for segment in seg.SegmentSequence}
    segment_of = {int(roi.ROINumber): by_name.get(roi.ROIName, roi.ROIName) for roi in rt.StructureSetROISequence}
    by_key = {plane.key: n for n, plane in enumerate(planes)}
    masks = {}
    for roi in rt.ROIContourSequence:
        roi_masks = masks.setdefault(segment_of[int(roi.ReferencedROINumber)], {})
        for contour in roi.ContourSequence:
            images = contour.ContourImageSequence
            if len(images) != 1 or reference_key(images[0]) not in by_key:
                problems.append(f"a contour of ROI {roi.ReferencedROINumber} refers to no image of the series")
                continue
            index = by_key[reference_key(images[0])]
            plane = planes[index]
            points = numpy.array(contour.ContourData, float).reshape(-1, 3)
            if len(points) != int(contour.NumberOfContourPoints):
                problems.append(f"a contour of ROI {roi.ReferencedROINumber} counts its points wrongly")
            x, y, distance = plane.indices(points)
            if numpy.abs(distance).max() > 1e-3:
                problems.append(f"a contour of ROI {roi.ReferencedROINumber} is {numpy.abs(distance).max():.4f} mm"
                                " off its image's plane")
            low_x, low_y = max(int(x.min()), 0), max(int(y.min()), 0)
            columns = numpy.arange(low_x, min(int(x.max()) + 2, plane.shape[1]))
            rows = numpy.arange(low_y, min(int(y.max()) + 2, plane.shape[0]))
            mask = roi_masks.setdefault(index, numpy.zeros(plane.shape, bool))
            mask[low_y:low_y + len(rows), low_x:low_x + len(columns)] ^= inside(x, y, columns, rows)
    return masks


def without_holes(mask):
    """Background that is not joined to the border over edges becomes foreground."""
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    if len(rows) == 0:
        return mask
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)  # there is no hole elsewhere
    free = numpy.pad(~mask[box], 1, constant_values=True)
    outside = numpy.zeros_like(free)
    outside[0, :] = outside[-1, :] = outside[:, 0] = outside[:, -1] = True
    while True:
        grown = outside.copy()
        grown[1:] |= outside[:-1]
        grown[:-1] |= outside[1:]
        grown[:, 1:] |= outside[:, :-1]
        grown[:, :-1] |= outside[:, 1:]
        grown &= free
        if (grown == outside).all():
            filled = mask.copy()
            filled[box] = ~outside[1:-1, 1:-1]
            return filled
        outside = grown


def dice(first, second):
    both = sum((mask & second[n]).sum() for n, mask in first.items() if n in second)
    return 2 * both / (sum(m.sum() for m in first.values()) + sum(m.sum() for m in second.values()))


def centroid(masks, planes):
    return numpy.concatenate([planes[n].places(mask) for n, mask in masks.items()]).mean(axis=0)


def slice_spacing(planes):
    if len(planes) < 2:
        return 1.0
    return (planes[-1].position - planes[0].position) @ planes[0].normal / (len(planes) - 1)


def compare_lesions(segments, rois, planes, least_dice, problems):
    voxel = planes[0].row_spacing * planes[0].column_spacing * abs(slice_spacing(planes))
    print("lesion  volume mm3   Dice  with holes filled  centroid SEG (LPS, mm)        RTSTRUCT - SEG mm")
    for number in sorted(set(segments) | set(rois), key=str):
        if number not in segments or number not in rois:
            problems.append(f"lesion {number} is in only one of the two objects")
            continue
        segment, roi = segments[number], rois[number]
        filled = {n: without_holes(mask) for n, mask in segment.items()}
        volume = sum(mask.sum() for mask in segment.values()) * voxel
        agreement = dice(filled, roi)
        place = centroid(segment, planes)
        apart = numpy.linalg.norm(centroid(roi, planes) - place)
        print(f"{number:6d} {volume:11.1f} {dice(segment, roi):6.4f} {agreement:18.4f}  "
              f"{place[0]:8.2f} {place[1]:8.2f} {place[2]:8.2f} {apart:20.3f}")
        if volume > DICE_ABOVE_MM3 and agreement < least_dice:
            problems.append(f"lesion {number} of {volume:.0f} mm3 has a Dice of {agreement:.4f}")


def compare_labels(segments, planes, path, problems):
    labels = numpy.fromfile(path, "<u2").reshape(len(planes), *planes[0].shape)
    seen = numpy.zeros_like(labels)
    for number, masks in segments.items():
        for n, mask in masks.items():
            seen[n][mask] = number
    if (seen != labels).any():
        problems.append(f"the segmentation differs from the label map in {(seen != labels).sum()} voxels")


def compare_place(masks, name, planes, place, problems):
    offset = centroid(masks, planes) - place
    x, y, distance = planes[0].indices(planes[0].position + offset[None, :])
    off = max(abs(x[0]), abs(y[0]), abs(distance[0] / slice_spacing(planes)))
    if off > 0.5:
        problems.append(f"{name} lies {off:.2f} voxels from {place}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference")
    parser.add_argument("seg")
    parser.add_argument("rtstruct")
    parser.add_argument("--labels")
    parser.add_argument("--dice", type=float, default=DICE)
    parser.add_argument("--at", nargs=4, type=float, action="append", default=[], metavar=("N", "X", "Y", "Z"))
    arguments = parser.parse_args()
    seg, rt = pydicom.dcmread(arguments.seg), pydicom.dcmread(arguments.rtstruct)
    planes = read_reference(arguments.reference, seg.ReferencedSeriesSequence[0].SeriesInstanceUID)
    problems = []
    if len({seg.StudyInstanceUID, rt.StudyInstanceUID}) != 1 or str(seg.PatientName) != str(rt.PatientName):
        problems.append("the two objects belong to different patients or studies")
    if seg.FrameOfReferenceUID != rt.FrameOfReferenceUID:
        problems.append("the two objects have different frames of reference")
    segments = read_segmentation(seg, planes, problems)
    rois = read_structure_set(rt, seg, planes, problems)
    compare_lesions(segments, rois, planes, arguments.dice, problems)
    if arguments.labels:
        compare_labels(segments, planes, arguments.labels, problems)
    for number, *place in arguments.at:
        for name, masks in (("segment", segments), ("ROI", rois)):
            compare_place(masks[int(number)], f"{name} {int(number)}", planes, numpy.array(place), problems)
    for problem in problems:
        print(f"results_readback: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
