#!/usr/bin/python3
"""Our networks against torchvision's on the same random weights, both ways through safetensors.

    torchvision_parity.py METSERVE_MODELS_PROGRAM

Needs python3-torchvision; exits with 77 (skipped) where it is not installed.
"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    from torch import nn
    from torchvision_networks import End, EndShared, GoogLeNet, Input, Mid
except ImportError:
    print("skipped: python3-torchvision is not installed")
    sys.exit(77)

import safetensors_file
from toy_studies import write_toy_studies

TOLERANCE = 1e-4
SLOTS = ["t1_gre_post", "t1_se_pre", "t1_se_post", "flair"]
ALL = [0, 1, 2, 3]


def with_statistics(network):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    return network.eval()


def run(program, directory, options, kept):
    command = [program, "forward", "--input", directory / "input.safetensors", "-o",
               directory / "logits.safetensors", "--kept", ",".join(SLOTS[i] for i in kept), *options]
    subprocess.run([str(word) for word in command], check=True)
    return torch.from_numpy(safetensors_file.read(directory / "logits.safetensors")["logits"])


def difference(ours, expected):
    return (ours - expected).abs().max().item() / max(expected.abs().max().item(), 1.0)


def compare(program, directory, network, options, kept, size):
    """The largest differences of the logits: torchvision's weights with us, ours with torchvision."""
    network = with_statistics(network)
    image = torch.rand(2, 28 if isinstance(network, GoogLeNet) else 20, *size)
    weights, saved = directory / "weights.safetensors", directory / "saved.safetensors"
    safetensors_file.write({"input": image.numpy()}, directory / "input.safetensors")
    safetensors_file.write({name: tensor.numpy() for name, tensor in network.state_dict().items()}, weights)
    with torch.no_grad():
        theirs = difference(run(program, directory, options + ["--weights", weights], kept), network(image, kept))
        ours = run(program, directory, options + ["--save-weights", saved], kept)
        network.load_state_dict({name: torch.from_numpy(a) for name, a in safetensors_file.read(saved).items()})
        return theirs, difference(ours, network(image, kept))


def cases():
    for depth in (18, 34, 50, 101):
        for stride in (8, 16):
            options = ["--network", "input", "--backbone", f"resnet{depth}", "--output-stride", stride]
            yield f"input, ResNet-{depth}, output stride {stride}", Input(depth, stride, 20), options, ALL
    small = ["--backbone", "resnet18", "--output-stride", "8"]
    without_bravo = [1, 2, 3]
    yield "input without BRAVO", Input(18, 8, 20), ["--network", "input", *small], without_bravo
    yield "mid-shared without BRAVO", Mid(18, 8, True), ["--network", "mid-shared", *small], without_bravo
    for name in ("mid-independent", "mid-l2"):
        yield f"{name} without BRAVO", Mid(18, 8, False), ["--network", name, *small], without_bravo
    subtract = ["--network", "mid-subtract", "--no-dropout", *small]
    yield "mid-subtract", Mid(18, 8, True, subtract=True), subtract, ALL
    yield "end-shared without BRAVO", EndShared(18, 8, 5), ["--network", "end-shared", *small], without_bravo
    for name in ("end-independent", "end-l2"):
        yield f"{name} without BRAVO", End(18, 8), ["--network", name, *small], without_bravo
    yield "googlenet without BRAVO", GoogLeNet(), ["--network", "googlenet"], without_bravo


def evaluate_imported(program, directory, options):
    """Weights that PyTorch wrote, brought in and evaluated; they are refused before."""
    write_toy_studies(directory / "studies", 1)
    weights, imported = directory / "weights.safetensors", directory / "imported.safetensors"
    evaluate = [program, "evaluate", "--data", directory / "studies", "--subsets", "full", "-o", directory / "report", "--weights"]
    refused = subprocess.run([*evaluate, weights], capture_output=True, text=True)
    subprocess.run([str(word) for word in [program, "import", "--weights", weights, "-o", imported, *options]], check=True)
    subprocess.run([*evaluate, imported], check=True, capture_output=True)
    return refused.returncode != 0 and "metserve-models import" in refused.stderr


def main():
    torch.manual_seed(11)
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        for title, network, options, kept in cases():
            theirs, ours = compare(sys.argv[1], pathlib.Path(directory), network, options, kept, (64, 96))
            failed = failed or not max(theirs, ours) < TOLERANCE
            print(f"{title}: their weights with us {theirs:.1e}, ours with them {ours:.1e}", flush=True)
        if not evaluate_imported(sys.argv[1], pathlib.Path(directory), options):
            print("weights of another program were not refused with a word on import")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
