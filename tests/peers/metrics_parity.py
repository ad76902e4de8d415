#!/usr/bin/python3
"""Our figures against scipy's and numpy's on random volumes.

    metrics_parity.py METSERVE_MODELS_PROGRAM

Needs python3-scipy; exits with 77 (skipped) where it is not installed.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from scipy import ndimage, stats
except ImportError:
    print("skipped: python3-scipy is not installed")
    sys.exit(77)

import safetensors_file

SPACING = (0.9375, 0.9375, 1.0)
VOXEL = float(np.prod(SPACING))
THRESHOLD, MINIMUM = 0.5, 10
CORNERS = np.ones((3, 3, 3))
EDGES = ndimage.generate_binary_structure(3, 2)


def random_study(random, number):
    """Blobs of truth, and a smooth map that finds most of them and some more."""
    shape = (20, 48, 48)
    noise = ndimage.gaussian_filter(random.normal(size=shape), 1.5)
    truth, count = ndimage.label(noise > np.quantile(noise, 0.992), CORNERS)
    other = ndimage.gaussian_filter(random.normal(size=shape), 1.5)
    field = noise / noise.std() + 0.7 * other / other.std()
    probability = 1 / (1 + np.exp(-3 * (field - 2.6)))
    images = np.zeros((4, *shape), np.uint8)
    images[:, :, 4:-4, 4:-4] = random.integers(1, 255, size=(4, 20, 40, 40))
    if number == 0:
        truth[:] = 0
    if number == 1:
        probability[:] = 0.001
    return images, truth.astype(np.int16), probability.astype(np.float32)


def ratio(part, whole):
    return part / whole if whole else None


def auc(probability, truth, images):
    head = (images.max(0) > 0) | (truth > 0)
    positive, negative = probability[head & (truth > 0)], probability[head & (truth == 0)]
    if len(positive) == 0:
        return None
    return stats.mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative))


def large_enough(found):
    """The components of at least the smallest volume."""
    labels, count = ndimage.label(found, CORNERS)
    voxels = ndimage.sum_labels(found, labels, np.arange(count + 1))
    return found & (voxels[labels] * VOXEL >= MINIMUM)


def counts(found, truth):
    labels, count = ndimage.label(found, CORNERS)
    any_size = large = 0
    for number in range(1, count + 1):
        own = labels == number
        if not truth[own].any():
            any_size += 1
            large += own.sum() * VOXEL >= MINIMUM
    return any_size, large, max(0, count - ndimage.label(found & (truth > 0), CORNERS)[1])


def lesion_wise_dice(found, truth):
    guesses, count = ndimage.label(found, CORNERS)
    lesions, many = ndimage.label(ndimage.binary_dilation(truth > 0, EDGES), CORNERS)
    scores, touching = [], set()
    for number in range(1, many + 1):
        own = (lesions == number) & (truth > 0)
        hits = set(np.unique(guesses[lesions == number])) - {0}
        touching |= hits
        guess = np.isin(guesses, list(hits))
        if own.sum() * VOXEL > 2:
            scores.append(2 * (own & guess).sum() / (own.sum() + guess.sum()))
    whole = len(scores) + count - len(touching)
    return sum(scores) / whole if whole else 1.0


def detections(probability, truth):
    labels, count = ndimage.label(probability >= 0.10, CORNERS)
    places = np.argwhere(truth > 0) * SPACING[::-1]
    owners = truth[truth > 0]
    taken, result = set(), []
    means = [(probability[labels == n].mean(dtype=np.float64), n) for n in range(1, count + 1)]
    for mean, number in sorted(means, reverse=True):
        centre = np.argwhere(labels == number).mean(0) * SPACING[::-1]
        distance = np.sqrt(((places - centre) ** 2).sum(1)) if len(places) else np.array([np.inf])
        lesion = owners[distance.argmin()] if distance.min() <= 1 else 0
        result.append((mean, lesion != 0 and lesion not in taken))
        taken.add(lesion)
    return result


def average_precision(predictions, lesions):
    hits, area = 0, 0.0
    for rank, (_, hit) in enumerate(sorted(predictions, reverse=True), 1):
        if hit:
            hits += 1
            area += hits / rank / lesions
    return area, hits / lesions


class Check:
    worst, failed = 0.0, []

    def same(self, what, ours, theirs, tolerance=1e-6):
        if ours is None or theirs is None:
            good = ours is None and theirs is None
        else:
            self.worst = max(self.worst, abs(ours - theirs) if tolerance <= 1e-3 else 0)
            good = abs(ours - theirs) <= tolerance
        if not good:
            self.failed.append(f"{what}: ours {ours}, theirs {theirs}")


def check_scores(program, directory, check):
    random = np.random.default_rng(4)
    (directory / "data").mkdir()
    (directory / "maps").mkdir()
    studies = [random_study(random, number) for number in range(12)]
    for number, (images, truth, probability) in enumerate(studies):
        name = f"{number:02}.safetensors"
        safetensors_file.write_study(images, truth, directory / "data" / name, SPACING)
        safetensors_file.write({"probability": probability}, directory / "maps" / name)
    subprocess.run([program, "score", "--data", directory / "data", "--predictions", directory / "maps", "-o",
                    directory / "report", "--threshold", str(THRESHOLD)], check=True)
    (figures,) = json.loads((directory / "report" / "evaluation.json").read_text())
    predictions, lesions, dices = [], 0, []
    for number, (images, truth, probability) in enumerate(studies):
        ours, found = figures["studies"][number], probability >= THRESHOLD
        segmented = large_enough(found)
        hits = (segmented & (truth > 0)).sum()
        dices.append(ratio(2 * hits, segmented.sum() + (truth > 0).sum()))
        check.same("Dice", ours["dice"], dices[-1])
        check.same("precision", ours["precision"], ratio(hits, segmented.sum()))
        check.same("recall", ours["recall"], ratio(hits, (truth > 0).sum()))
        check.same("AUC", ours["auc"], auc(probability, truth, images), 1e-3)  # ours is of 1000 bins
        any_size, large, product = counts(found, truth)
        check.same("false positives of any size", ours["false_positives_any_size"], any_size)
        check.same("false positives", ours["false_positives"], large)
        check.same("false positives by the product", ours["false_positives_product"], product)
        check.same("lesion-wise Dice", ours["lesion_wise_dice"], lesion_wise_dice(found, truth))
        predictions += detections(probability, truth)
        lesions += len(np.unique(truth)) - 1
    area, sensitivity = average_precision(predictions, lesions)
    check.same("average precision", figures["detection"]["average_precision"], area)
    check.same("maximum sensitivity", figures["detection"]["maximum_sensitivity"], sensitivity)
    known = [dice for dice in dices if dice is not None]
    if len(known) == len(dices):
        theirs = stats.bootstrap((np.array(known),), np.mean, n_resamples=20000, method="percentile",
                                 random_state=1).confidence_interval
        for bound, name in enumerate(("low", "high")):
            check.same(f"bootstrap {name}", figures["dice"]["interval"][bound], theirs[bound], 0.03)
    print(f"{len(studies)} random studies, {lesions} lesions, {len(predictions)} predictions")


def check_rank_sums(program, directory, check):
    random = np.random.default_rng(5)

    def evaluation(values):
        keys = ("auc", "dice", "precision", "recall", "detected_dice", "lesion_wise_dice", "false_positives",
                "false_positives_any_size")
        studies = [{key: column[i] for key, column in zip(keys, values)} for i in range(len(values[0]))]
        return [{"subset": ["flair"], "studies": [{**study, "lesions": []} for study in studies]}]

    def columns(studies, shift):
        smooth = [list(random.normal(shift, 1, studies)) for _ in range(4)]
        return smooth + [[float(value) for value in random.poisson(3 + shift, studies)] for _ in range(4)]

    for sizes in ((7, 9), (20, 20), (40, 55)):
        samples = [columns(size, shift) for size, shift in zip(sizes, (0, 0.4))]
        files = [directory / f"{i}.json" for i in (1, 2)]
        for file, values in zip(files, samples):
            file.write_text(json.dumps(evaluation(values)))
        subprocess.run([program, "compare", *files, "-o", directory / "comparison"], check=True,
                       stdout=subprocess.DEVNULL)
        for row, first, second in zip(json.loads((directory / "comparison" / "comparison.json").read_text()),
                                      *samples):
            method = "exact" if row["exact"] else "asymptotic"
            theirs = stats.mannwhitneyu(first, second, method=method)
            check.same(f"U of {sizes}", row["u"], theirs.statistic)
            check.same(f"p of {sizes}, {method}", row["p_value"], theirs.pvalue)


def main():
    check = Check()
    with tempfile.TemporaryDirectory() as name:
        check_scores(sys.argv[1], pathlib.Path(name), check)
        check_rank_sums(sys.argv[1], pathlib.Path(name), check)
    print("\n".join(check.failed) or f"all figures agree, largest difference {check.worst:.1e}")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
