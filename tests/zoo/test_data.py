"""Tests of the readers, against files written here byte by byte."""

import gzip
import sys

import numpy as np
import pytest
import torch

from layerlore.errors import InputError, MissingExtraError
from layerlore.zoo import load_data
from reference.data_files import idx, mnist, random_bytes, write

PACKED = pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])


def cifar(root, packed=False, batches=(1, 2)):
    records = {f"data_batch_{index}.bin": random_bytes((4, 3073), index) for index in batches}
    records["test_batch.bin"] = random_bytes((2, 3073), 9)
    for name, rows in records.items():
        rows[:, 0] %= 10
        write(root / name, rows.tobytes(), packed)
    return records


@PACKED
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_idx_files_come_back(tmp_path, name, packed):
    arrays = mnist(tmp_path, packed)
    data = load_data(name, tmp_path)
    assert data.name == name
    assert len(data.classes) == 10
    for part, prefix in ((data.train, "train"), (data.test, "t10k")):
        images, labels = part.tensors
        pixels = arrays[f"{prefix}-images-idx3-ubyte"]
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert images.shape == (len(pixels), 1, 28, 28)
        assert np.array_equal(images.numpy()[:, 0], pixels.astype(np.float32) / np.float32(255))
        assert labels.tolist() == arrays[f"{prefix}-labels-idx1-ubyte"].tolist()


@PACKED
def test_cifar_records_come_back_in_order(tmp_path, packed):
    records = cifar(tmp_path, packed)
    data = load_data("cifar10", str(tmp_path))
    rows = np.concatenate([records["data_batch_1.bin"], records["data_batch_2.bin"]])
    images, labels = data.train.tensors
    assert images.shape == (8, 3, 32, 32)
    assert images.dtype == torch.float32
    assert labels.tolist() == rows[:, 0].tolist()
    # Green, row 2, column 5 of the sixth image, counted in bytes.
    assert images[5, 1, 2, 5].item() == pytest.approx(rows[5, 1 + 1024 + 2 * 32 + 5] / 255, rel=1e-6)
    assert data.test.tensors[0].shape == (2, 3, 32, 32)
    assert data.classes[0] == "airplane"
    assert data.classes[9] == "truck"


def test_all_five_training_files_are_read(tmp_path):
    cifar(tmp_path, batches=(1, 2, 3, 4, 5))
    assert len(load_data("cifar10", tmp_path).train) == 20


def test_a_gap_between_the_training_files_is_an_error(tmp_path):
    cifar(tmp_path, batches=(1, 3))
    with pytest.raises(InputError, match=r"data_batch_2\.bin: no such file, nor data_batch_2\.bin\.gz"):
        load_data("cifar10", tmp_path)


def test_digits_are_split_by_class_and_always_alike():
    data, again = load_data("digits"), load_data("digits")
    assert (len(data.train), len(data.test)) == (1297, 500)
    images, labels = data.train.tensors
    assert images.shape == (1297, 1, 8, 8)
    assert images.dtype == torch.float32
    assert (images.min().item(), images.max().item()) == (0, 1)
    assert labels.dtype == torch.int64
    # Stratified: each class has its share of 500, up to one sample.
    counts = torch.cat([labels, data.test.tensors[1]]).bincount()
    assert ((data.test.tensors[1].bincount() - counts * 500 / 1797).abs() <= 1).all()
    assert torch.equal(images, again.train.tensors[0])
    both = torch.cat([images, data.test.tensors[0]]).flatten(1)
    assert torch.equal(both.sum(0).round(decimals=3), _digit_sums())


def _digit_sums():
    from sklearn.datasets import load_digits

    return torch.tensor(load_digits().data.sum(0) / 16, dtype=torch.float32).round(decimals=3)


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'layerlore\[demo\]'"):
        load_data("digits")


def test_unknown_names_and_roots(tmp_path):
    with pytest.raises(InputError, match="data='mnits' is not known; did you mean 'mnist'"):
        load_data("mnits")
    with pytest.raises(
        InputError, match="'cifar10' is read from files: set root to the folder that holds data_batch_1"
    ):
        load_data("cifar10")
    with pytest.raises(InputError, match=r"'mnist' is read from files.*train-images-idx3-ubyte"):
        load_data("mnist")
    with pytest.raises(InputError, match="'digits' comes with scikit-learn; leave root out"):
        load_data("digits", tmp_path)


def test_a_missing_file_is_named_with_what_is_there(tmp_path):
    mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte: no such file.*holds t10k-labels-idx1-ubyte, train-"):
        load_data("mnist", tmp_path)
    with pytest.raises(InputError, match="nowhere is no folder"):
        load_data("cifar10", tmp_path / "nowhere")


PIXELS = idx(random_bytes((7, 28, 28), 0))
BROKEN = {
    "cut short": ("train-images-idx3-ubyte", PIXELS[:-1], r"5503 bytes; expected 5504 for the shape \(7, 28, 28\)"),
    "too long": ("train-images-idx3-ubyte", PIXELS + b"\0", "5505 bytes; expected 5504"),
    "half a header": ("train-images-idx3-ubyte", PIXELS[:9], "9 bytes; expected a header of 16"),
    "empty": ("train-images-idx3-ubyte", b"", "magic number is an empty file; expected 0x00000803"),
    "labels for images": ("train-images-idx3-ubyte", idx(np.zeros(7, np.uint8)), "0x00000801; expected 0x00000803"),
    "gzip without .gz": ("train-images-idx3-ubyte", gzip.compress(PIXELS), "0x1f8b0800; expected 0x00000803"),
    "other size": (
        "train-images-idx3-ubyte",
        idx(random_bytes((7, 8, 8), 0)),
        r"shape \(7, 8, 8\); expected \[n_samples",
    ),
    "no images": ("train-images-idx3-ubyte", idx(np.zeros((0, 28, 28), np.uint8)), r"shape \(0, 28, 28\)"),
    "huge header": ("train-images-idx3-ubyte", b"\0\0\x08\x03" + b"\xff" * 12, "16 bytes; expected 792281624"),
    "too few labels": ("train-labels-idx1-ubyte", idx(np.zeros(6, np.uint8)), "6 labels; expected 7"),
    "label 10": (
        "t10k-labels-idx1-ubyte",
        idx(np.array([1, 10, 3], np.uint8)),
        "sample 1 has label 10; expected 0 to 9",
    ),
}


@PACKED
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_idx_file_is_refused(tmp_path, case, packed):
    name, content, message = BROKEN[case]
    mnist(tmp_path, packed)
    write(tmp_path / name, content, packed)
    with pytest.raises(InputError, match=rf"{name}(\.gz)?: .*{message}"):
        load_data("mnist", tmp_path)


@PACKED
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(3 * 3073 - 5), "9214 bytes, 2 records and 3068 bytes over; expected whole records of 3073"),
        (bytes(2 * 3074), "6148 bytes, 2 records and 2 bytes over"),
        (b"", "0 bytes, 0 records"),
        (bytes(3073) + b"\x0b" + bytes(3072), "sample 1 has label 11; expected 0 to 9"),
    ],
)
def test_a_broken_cifar_file_is_refused(tmp_path, content, message, packed):
    cifar(tmp_path, packed)
    write(tmp_path / "data_batch_2.bin", content, packed)
    with pytest.raises(InputError, match=rf"data_batch_2\.bin(\.gz)?: {message}"):
        load_data("cifar10", tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:5],
        lambda packed: b"no gzip",
        lambda packed: packed[:40] + bytes(60) + packed[100:],
    ],
    ids=["cut short", "cut in the header", "not gzip", "overwritten"],
)
def test_a_broken_gzip_file_is_refused(tmp_path, spoil):
    cifar(tmp_path, packed=True)
    path = tmp_path / "test_batch.bin.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=r"test_batch\.bin\.gz: .*; expected a complete gzip file: fetch it again"):
        load_data("cifar10", tmp_path)
