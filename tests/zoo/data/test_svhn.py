"""Tests of SVHN's MATLAB files, written with SciPy's own writer."""

import gzip
import sys

import numpy as np
import pytest
import torch
from scipy.io import savemat

from layerlore.errors import InputError, MissingExtraError
from layerlore.zoo import load_data

LABELS = {"train_32x32.mat": [1, 10, 9, 10], "test_32x32.mat": [5, 10], "extra_32x32.mat": [2, 3, 10]}


def svhn(root, **other):
    pixels = {}
    for seed, (file, labels) in enumerate(LABELS.items()):
        shape = (32, 32, 3, len(labels))
        pixels[file] = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
        content = {"X": pixels[file], "y": np.array(labels, np.uint8)[:, None]}
        savemat(root / file, content | other.get(file.partition("_")[0], {}), do_compression=True)
    return pixels


def test_images_and_labels_come_back(tmp_path):
    pixels = svhn(tmp_path)
    data = load_data("svhn", tmp_path)
    images, labels = data.train.tensors
    assert images.shape == (4, 3, 32, 32)
    assert images.dtype == torch.float32
    assert images.is_contiguous()
    # Ten stands for nought.
    assert labels.tolist() == [1, 0, 9, 0]
    assert labels.dtype == torch.int64
    assert data.test.tensors[1].tolist() == [5, 0]
    assert data.classes == tuple("0123456789")
    # Blue, row 5, column 7 of the third image.
    assert images[2, 2, 5, 7].item() == pytest.approx(pixels["train_32x32.mat"][5, 7, 2, 2] / 255)
    assert data.files == {"train_32x32.mat": "other", "test_32x32.mat": "other"}


def test_extra_images_follow_the_others(tmp_path):
    svhn(tmp_path)
    path = tmp_path / "extra_32x32.mat"
    path.with_name("extra_32x32.mat.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    plain, more = load_data("svhn", tmp_path), load_data("svhn", tmp_path, extra=True)
    assert more.train.tensors[1].tolist() == [1, 0, 9, 0, 2, 3, 0]
    assert torch.equal(more.train.tensors[0][:4], plain.train.tensors[0])
    assert "extra_32x32.mat.gz" in more.files
    with pytest.raises(InputError, match="extra=1 of the data set 'svhn' must be False or True"):
        load_data("svhn", tmp_path, extra=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"y": np.array([[0], [1], [2], [3]])}, r"image 0 has label 0; expected 1 to 10.*\(1 of 4"),
        ({"y": np.array([[1], [1], [2], [11]])}, "image 3 has label 11"),
        ({"y": np.array([[1.5], [1], [2], [3]])}, r"image 0 has label 1\.5"),
        ({"y": np.array([[1], [2]])}, r"y is int64 \[2, 1\]; expected 4 labels"),
        ({"y": "four"}, r"y is .* expected 4 labels"),
        ({"X": np.zeros((32, 32, 3, 4))}, r"X is float64 \[32, 32, 3, 4\]; expected uint8 \[32, 32, 3, n_images\]"),
        ({"X": np.zeros((4, 32, 32, 3), np.uint8)}, r"X is uint8 \[4, 32, 32, 3\]"),
        ({"X": np.zeros((32, 32, 3, 0), np.uint8)}, r"X is uint8"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    svhn(tmp_path, train=content)
    with pytest.raises(InputError, match=rf"train_32x32\.mat: {message}"):
        load_data("svhn", tmp_path)


def test_a_file_without_the_arrays_is_refused(tmp_path):
    svhn(tmp_path)
    savemat(tmp_path / "test_32x32.mat", {"Z": np.zeros(3)})
    with pytest.raises(InputError, match=r"test_32x32\.mat: X is not there"):
        load_data("svhn", tmp_path)


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:-900], lambda raw: raw[:100], lambda raw: b"", lambda raw: raw[::-1]]
)
def test_a_broken_file_is_refused(tmp_path, spoil):
    svhn(tmp_path)
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(
        InputError, match=r"train_32x32\.mat: .* in \d+ bytes; expected a whole MATLAB file of version 5"
    ):
        load_data("svhn", tmp_path)


def test_a_missing_file_and_a_missing_package(tmp_path, monkeypatch):
    svhn(tmp_path)
    (tmp_path / "test_32x32.mat").unlink()
    with pytest.raises(InputError, match=r"test_32x32\.mat: no such file"):
        load_data("svhn", tmp_path)
    svhn(tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'layerlore\[data\]'"):
        load_data("svhn", tmp_path)
