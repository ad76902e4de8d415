#!/usr/bin/python3
"""Writes the seeds of the fuzz targets, tests/fuzz/corpus/TARGET/NAME, all made here: no image of anybody.
usage: make_corpus.py [DIRECTORY]     needs DCMTK's dcmcjpeg, dcmcjpls and dcmcrle"""

import argparse
import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))
from wire import *  # noqa: E402,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

SYNTAXES = [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED]
STUDY, SERIES, INSTANCE = "1.2.3.4", "1.2.3.4.5", "1.2.3.4.5.6"
UNDEFINED = 0xFFFFFFFF


def identifying(order="<", explicit=True):
    values = [(0x00080016, "UI", MR), (0x00080018, "UI", INSTANCE), (0x00080060, "CS", "MR"),
              (0x0020000D, "UI", STUDY), (0x0020000E, "UI", SERIES)]
    return b"".join(element(tag, vr, value, order, explicit) for tag, vr, value in values)


def sequence(tag, items, undefined=False):
    """A sequence of explicit VR little endian, of known or undefined lengths."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + b"SQ\0\0"
    out = b""
    for content in items:
        length = UNDEFINED if undefined else len(content)
        out += struct.pack("<HHI", 0xFFFE, 0xE000, length) + content
        out += struct.pack("<HHI", 0xFFFE, 0xE00D, 0) if undefined else b""
    if not undefined:
        return head + struct.pack("<I", len(out)) + out
    return head + struct.pack("<I", UNDEFINED) + out + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def datasets():
    """By name: the number of the transfer syntax in the target's table, and the dataset."""
    nested = element(0x00080100, "SH", "x")
    for _ in range(5):
        nested = sequence(0x00081140, [nested, b""], undefined=True)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = deflate.compress(image(STUDY, SERIES, INSTANCE)) + deflate.flush()
    fragments = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED)
    fragments += struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI4s", 0xFFFE, 0xE000, 4, b"abcd")
    fragments += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return {
        "implicit": (0, identifying(explicit=False)),
        "explicit": (1, image(STUDY, SERIES, INSTANCE)),
        "nested": (1, identifying() + nested + sequence(0x00540016, [nested])),
        "private": (1, identifying() + element(0x00190010, "LO", "GEMS_ACQU_01") +
                    element(0x0019109C, "UN", struct.pack("<HHI", 0xFFFE, 0xE000, 0))),
        "big_endian": (2, identifying(">")),
        "deflated": (3, deflated),
        "fragments": (4, identifying() + fragments),
    }


def file_of(dataset, syntax=EXPLICIT_LE):
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", MR) + element(0x00020003, "UI", INSTANCE)
    meta += element(0x00020010, "UI", syntax) + element(0x00020012, "UI", "1.2.3")
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + dataset


def enhanced(frames=3):
    """An Enhanced MR image (PS3.3 A.36) of a few frames, with what places them in the patient."""
    shared = sequence(0x00289110, [element(0x00180050, "DS", "2") + element(0x00280030, "DS", "1\\1")])
    shared += sequence(0x00209116, [element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")])
    places = [sequence(0x00209113, [element(0x00200032, "DS", f"0\\0\\{2 * k}")]) for k in range(frames)]
    dataset = image(STUDY, SERIES, INSTANCE, pixels=bytes(128 * frames))
    groups = sequence(0x52009229, [shared]) + sequence(0x52009230, places)
    count = element(0x00280008, "IS", str(frames))
    dataset = dataset.replace(element(0x00280010, "US", struct.pack("<H", 8)),
                              count + element(0x00280010, "US", struct.pack("<H", 8)))
    pixels = dataset.rfind(struct.pack("<HH", 0x7FE0, 0x0010))
    return dataset[:pixels] + groups + dataset[pixels:]


def files():
    out = {"explicit": file_of(image(STUDY, SERIES, INSTANCE)), "enhanced": file_of(enhanced()),
           "deflated": file_of(datasets()["deflated"][1], DEFLATED)}
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = pathlib.Path(folder) / "plain.dcm", pathlib.Path(folder) / "packed.dcm"
        pattern = b"".join(struct.pack("<H", (k * 7) % 900) for k in range(256))
        plain.write_bytes(file_of(image(STUDY, SERIES, INSTANCE, 16, 16, pixels=pattern)))
        for name, command in {"jpeg": ["dcmcjpeg", "+e1"], "jpeg_ls": ["dcmcjpls", "+el"], "rle": ["dcmcrle"]}.items():
            subprocess.run([*command, "+un", plain, packed] if name != "rle" else [*command, plain, packed], check=True)
            out[name] = packed.read_bytes()
    return out


def fragment(data, command=False, last=True, context=0):
    return struct.pack("<BH", (1 if command else 0) | (2 if last else 0) | context << 2, len(data)) + data


def messages():
    store = fragment(store_command(MR, INSTANCE), command=True)
    echo = fragment(echo_command(), command=True, context=6)
    dataset = image(STUDY, SERIES, INSTANCE)
    release = b"\x80" + struct.pack("<H", 10) + pdu(RELEASE_RQ, bytes(4))
    return {
        "store": store + fragment(dataset) + release,
        "pieces": store + fragment(dataset[:100], last=False) + fragment(dataset[100:]) + echo + release,
        "implicit": fragment(store_command(MR, INSTANCE), True, context=1) +
                    fragment(identifying(explicit=False), context=1),
        "echo": echo + echo + release,
        "abort": store + fragment(dataset[:64], last=False) + b"\x80" + struct.pack("<H", 10) + pdu(ABORT, bytes(4)),
        "cancel": fragment(command_set(field=0x0FFF, message=1, data=0x0101), True),
    }


def associate_requests():
    many = [(f"1.2.840.10008.5.1.4.1.1.{k}", [IMPLICIT_LE, EXPLICIT_LE, JPEG_2000]) for k in range(1, 60)]
    plain = associate_body([(MR, SYNTAXES), (VERIFICATION, [IMPLICIT_LE])])
    roles = item(0x54, struct.pack(">H", len(MR)) + MR.encode() + b"\1\1")
    extended = item(0x56, struct.pack(">H", len(MR)) + MR.encode() + b"\2\0\1")
    identity = item(0x58, b"\1\1" + struct.pack(">H", 4) + b"user" + struct.pack(">H", 0))
    user_items = item(0x53, struct.pack(">HH", 1, 1)) + roles + item(0x55, b"FUZZ_1") + extended + identity
    return {"plain": plain, "many": associate_body(many), "none": associate_body([]),
            "negotiating": associate_body([(MR, [EXPLICIT_LE])], user_items=user_items)}


def safetensors(header, data):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def weights():
    header = {"__metadata__": {"name": "fuzz"}, "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
              "b": {"dtype": "F16", "shape": [3], "data_offsets": [16, 22]},
              "c": {"dtype": "I64", "shape": [0, 4], "data_offsets": [22, 22]}}
    return {"three": safetensors(header, bytes(22)), "empty": safetensors({}, b"")}


def nifti_header(dims=(3, 4, 4, 4, 1, 1, 1, 1), dtype=4, bits=16, shift=0):
    """NIfTI-1 (https://nifti.nimh.nih.gov/nifti-1), single file, with an sform."""
    head = struct.pack("<i35xc", 348, b"r") + struct.pack("<8h", *dims) + bytes(14)
    head += struct.pack("<hhh", dtype, bits, 0) + struct.pack("<8f", 1, 1, 1, 1, 0, 0, 0, 0)
    head += struct.pack("<f", 352) + struct.pack("<ff", 1, 0) + bytes(16) + bytes(4) + bytes(8) + bytes(104)
    head = head[:252] + struct.pack("<hh6f", 1, 1, 0, 0, 0, 0, 0, 0)
    head += struct.pack("<12f", 1, 0, 0, shift, 0, 1, 0, 0, 0, 0, 1, 0) + bytes(16) + b"n+1\0"
    assert len(head) == 348
    return head + bytes(4)


def niftis():
    plain, real = nifti_header() + bytes(128), nifti_header(dtype=16, bits=32) + bytes(256)
    vast = nifti_header(dims=(3, 32767, 32767, 4, 1, 1, 1, 1))
    return {"int16": b"\2" + plain, "float32": b"\0" + real, "compressed": b"\3" + gzip.compress(plain, mtime=0),
            "vast": b"\3" + gzip.compress(vast, mtime=0),
            "nowhere": b"\0" + nifti_header(dtype=16, bits=32, shift=float("nan")) + bytes(256)}


def png(bits, colour, row):
    """Four rows (https://www.w3.org/TR/png-3)."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", 4, 4, bits, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for _ in range(4)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def pngs():
    grey = png(8, 0, b"abcd")
    return {"grey": b"\1" + grey, "grey16": b"\1" + png(16, 0, b"abcdefgh"), "colour": b"\1" + png(8, 2, b"abcdefghijkl"),
            "cut": b"\0" + grey[:-20]}


def texts():
    root = HERE.parents[1]
    manifest = (root / "models/bundled/model.yaml").read_bytes()
    sample = "\n".join(line for line in (root / "deploy/metserve.yaml").read_text().splitlines()
                       if line.strip() and not line.strip().startswith("#"))
    training = "steps: 10\nnetwork:\n  width: 16\nsampler:\n  crop: 64\n  batch: 4\nprecision: auto\n"
    mistakes = "dicom:\n  prot: 104\n  port: x\ndestinations:\n  - name: a\n    objects: [seg, seg]\n"
    configuration = {"sample": b"s" + sample.encode(), "training": b"t" + training.encode(),
                     "mistakes": b"s" + mistakes.encode()}
    return manifest, configuration


def requests():
    lines = {"ready": "GET /readyz", "list": "GET /studies?state=held&limit=5", "show": "GET /studies/0123456789abcdef",
             "head": "HEAD /metrics", "post": "POST /studies", "retry": "POST /studies/0123456789abcdef/retry",
             "release": "POST /studies/0123456789abcdef/release?series=1.2.3:flair&series=1.2.4:none",
             "resend": "POST /studies/0123456789abcdef/resend?destination=pacs",
             "delete": "DELETE /studies/0123456789abcdef"}
    out = {name: f"{line} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for name, line in lines.items()}
    out["pipeline"] = out["ready"] + out["list"] + b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n"
    out["body"] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=HERE / "corpus", help="to write to")
    directory = parser.parse_args().directory
    manifest, configuration = texts()
    corpora = {
        "dataset": {name: bytes([syntax]) + data for name, (syntax, data) in datasets().items()},
        "series": files(), "messages": messages(), "associate_request": associate_requests(),
        "safetensors": weights(), "nifti": niftis(), "png": pngs(), "configuration": configuration, "http": requests(),
        "manifest": {"bundled": manifest, "key_no_text": b"[a, b]: c\n" + manifest},
    }
    for target, seeds in corpora.items():
        folder = directory / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
