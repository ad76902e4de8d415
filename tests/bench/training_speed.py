#!/usr/bin/python3
"""Seconds of a training step in metserve-models and in PyTorch, the same network on the same cores, in turn; and how many
slices the simulator makes meanwhile. Prints a table.

usage: training_speed.py METSERVE_MODELS OUTPUT_DIRECTORY [THREADS [ROUNDS]]

Ours is the whole step of `train`: crops drawn from studies and augmented, forward and backward passes, saliency, Adam, and a
checkpoint every 50 steps. PyTorch's has its batch in memory and does the passes, saliency and Adam. Needs
python3-torchvision."""
import csv
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import torchvision_networks  # noqa: E402

BATCH, CROP, WARM, TIMED, SLICES = 4, 256, 2, 10, 160
CHECKPOINT = 50  # steps; half of what `train` does by itself
NETWORKS = [("resnet18", 8), ("resnet50", 16)]
PRECISIONS = ["float32"] + ["bfloat16"] * ("avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text())


def pytorch_step_s(depth, stride, precision):
    network = torchvision_networks.Input(depth, stride, 20).to(memory_format=torch.channels_last).train()
    adam = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-5)
    image = torch.rand(BATCH, 20, CROP, CROP).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    saliency = torch.zeros(20, dtype=torch.float64)
    target = (torch.rand(BATCH, 1, CROP, CROP) > 0.99).float()
    started = None
    for step in range(WARM + TIMED):
        if step == WARM:
            started = time.monotonic()
        adam.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network(image, [0, 1, 2, 3])
        logits = logits.float()
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, pos_weight=torch.tensor([10.0]))
        probability = logits.sigmoid()
        dice = (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1)
        image.grad = None
        (entropy + 1 - dice).backward()
        saliency += image.grad.abs().sum((0, 2, 3))
        adam.step()
    return (time.monotonic() - started) / TIMED


def our_step_s(program, data, run, case, threads):
    backbone, stride, precision = case
    shutil.rmtree(run, ignore_errors=True)
    # The log has the mean of the steps so far; a validation comes with the last step alone.
    words = [program, "train", "--data", data, "--validation", data, "-o", run, "--network", "input", "--backbone", backbone,
             "--output-stride", stride, "--batch", BATCH, "--crop", CROP, "--precision", precision, "--threads", threads,
             "--steps", 2 * CHECKPOINT + 1, "--checkpoint-interval", CHECKPOINT, "--validation-stride", SLICES]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    with (run / "training.csv").open() as log:
        mean = {int(row["step"]): float(row["seconds_per_step"]) for row in csv.DictReader(log)}
    return 2 * mean[2 * CHECKPOINT] - mean[CHECKPOINT]


def simulated_slices_per_s(program, folder, studies):
    started = time.monotonic()
    subprocess.run([program, "simulate", "-o", str(folder), "--studies", str(studies), "--seed", "31"], check=True,
                   stdout=subprocess.DEVNULL)
    return studies * SLICES / (time.monotonic() - started)


def main(program, out, threads, rounds):
    shutil.rmtree(out, ignore_errors=True)
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    made = simulated_slices_per_s(program, out / "data", 2)
    print(f"{threads} threads, batches of {BATCH} x 20 x {CROP} x {CROP}, medians of {rounds} rounds in turn")
    print(f"simulator: {made:.1f} slices of four sequences a second")
    print("network   stride  precision  PyTorch s/step  ours s/step  PyTorch / ours  slices trained on a second")
    for case in [(*network, precision) for network in NETWORKS for precision in PRECISIONS]:
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append(pytorch_step_s(int(case[0][6:]), *case[1:]))
            ours.append(our_step_s(program, out / "data", out / "run", case, threads))
        them, us = statistics.median(theirs), statistics.median(ours)
        print(f"{case[0]}  {case[1]:6d}  {case[2]:9s}  {them:14.2f}  {us:11.2f}  {them / us:14.2f}  {BATCH / us:26.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), int((sys.argv[3:] or ["2"])[0]), int((sys.argv[4:] or ["3"])[0]))
