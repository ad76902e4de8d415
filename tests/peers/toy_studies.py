"""Studies so small that networks of every kind train on them in a moment."""
import numpy

import safetensors_file


def write_toy_studies(folder, count, seed=3, slots=safetensors_file.SLOTS):
    """Noise of 7 slices of 64 x 64, with one bright cuboid of 6 x 6 x 3 voxels that is the lesion."""
    folder.mkdir(parents=True)
    generator = numpy.random.default_rng(seed)
    for number in range(count):
        images = generator.integers(60, 120, size=(4, 7, 64, 64)).astype(numpy.uint8)
        truth = numpy.zeros((7, 64, 64), numpy.int16)
        row, column = generator.integers(8, 48, size=2)
        truth[2:5, row : row + 6, column : column + 6] = 1
        images[:, truth > 0] = 220
        images[[slot not in slots for slot in safetensors_file.SLOTS]] = 0
        safetensors_file.write_study(images, truth, folder / f"{number}.safetensors", slots=slots)
