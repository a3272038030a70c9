"""Small data files in the formats of the published ones, written byte by byte."""

import gzip
import struct

import numpy as np


def write(path, content, packed=False):
    if packed:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
    else:
        path.write_bytes(content)


def idx(array):
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def random_bytes(shape, seed, high=256):
    return np.random.default_rng(seed).integers(0, high, shape).astype(np.uint8)


def mnist(root, packed=False):
    arrays = {
        "train-images-idx3-ubyte": random_bytes((7, 28, 28), 0),
        "train-labels-idx1-ubyte": random_bytes(7, 1, high=10),
        "t10k-images-idx3-ubyte": random_bytes((3, 28, 28), 2),
        "t10k-labels-idx1-ubyte": np.array([9, 0, 4], np.uint8),
    }
    for name, array in arrays.items():
        write(root / name, idx(array), packed)
    return arrays
