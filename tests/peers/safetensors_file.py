"""Reads and writes safetensors files as numpy arrays, independently of our program."""
import json
import struct

import numpy

KINDS = {"float32": "F32", "int64": "I64", "uint8": "U8", "int16": "I16"}
DTYPES = {kind: name for name, kind in KINDS.items()}


def write(arrays, path, metadata=None):
    header, blobs, offset = {"__metadata__": metadata or {}}, [], 0
    for name, array in arrays.items():
        blob = numpy.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": KINDS[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    arrays = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        arrays[name] = numpy.frombuffer(bytearray(data[begin:end]), DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays


SLOTS = ["t1_gre_post", "t1_se_pre", "t1_se_post", "flair"]


def write_study(images, truth, path, spacing=(0.9375, 0.9375, 1.0), slots=SLOTS):
    """A study as `metserve-models` reads it: uint8 [4, D, H, W], int16 [D, H, W], and the sequences that it has."""
    write({"images": images, "truth": truth}, path,
          {"format": "metserve-study-1", "name": path.stem, "clahe": '{"bins":256,"clip_limit":2.0,"tiles":8}',
           "slots": json.dumps(slots), "spacing_mm": json.dumps(spacing)})
