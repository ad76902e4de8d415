#!/usr/bin/python3
"""Our DeepLabV3 against torchvision's on the same random weights, through safetensors.

    torchvision_parity.py METSERVE_MODELS_PROGRAM

Needs python3-torchvision; exits with 77 (skipped) where it is not installed.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import torch
    import torchvision
except ImportError:
    print("skipped: python3-torchvision is not installed")
    sys.exit(77)

DTYPES = {torch.float32: "F32", torch.int64: "I64"}
TOLERANCE = 1e-4


def write_safetensors(tensors, path):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_logits(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8 : 8 + length])["logits"]
    begin, end = entry["data_offsets"]
    raw = bytearray(data[8 + length + begin : 8 + length + end])
    return torch.frombuffer(raw, dtype=torch.float32).reshape(entry["shape"])


def reference(depth):
    make = getattr(torchvision.models.segmentation, f"deeplabv3_resnet{depth}")
    network = make(weights=None, weights_backbone=None, num_classes=1, aux_loss=False)
    network.backbone.conv1 = torch.nn.Conv2d(20, 64, 7, stride=2, padding=3, bias=False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    return network.eval()


def difference(program, depth, directory):
    network = reference(depth)
    image = torch.rand(2, 20, 96, 128)
    write_safetensors(network.state_dict(), directory / "weights.safetensors")
    write_safetensors({"input": image}, directory / "input.safetensors")
    subprocess.run(
        [program, "forward", "--weights", directory / "weights.safetensors", "--input",
         directory / "input.safetensors", "-o", directory / "logits.safetensors",
         "--backbone", f"resnet{depth}", "--output-stride", "8"],
        check=True,
    )
    with torch.no_grad():
        expected = network(image)["out"]
    ours = read_logits(directory / "logits.safetensors")
    scale = expected.abs().max().item()
    return (ours - expected).abs().max().item() / max(scale, 1.0), scale


def main():
    torch.manual_seed(11)
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        for depth in (50, 101):
            worst, scale = difference(sys.argv[1], depth, pathlib.Path(directory))
            failed = failed or not worst < TOLERANCE
            print(f"ResNet-{depth}, output stride 8: largest difference {worst:.1e} (logits up to {scale:.2f})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
