"""Tests of both versions of CIFAR, against files written here byte by byte and opcode by opcode."""

import gzip
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest
import torch

from layerlore.errors import InputError
from layerlore.zoo import load_data
from layerlore.zoo.data.pickles import read_pickle


def random_bytes(shape, seed, high=256):
    return np.random.default_rng(seed).integers(0, high, shape).astype(np.uint8)


def text(value):
    """A string as Python 2 wrote it: opcode BINSTRING."""
    return b"T" + struct.pack("<i", len(value)) + value


def whole(value):
    return b"J" + struct.pack("<i", value)


def array(pixels, code=b"u1"):
    """An array of bytes as NumPy 1 under Python 2 wrote it."""
    shape = b"(" + b"".join(whole(length) for length in pixels.shape) + b"t"
    dtype = (
        b"cnumpy\ndtype\n" + text(code) + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN" + 2 * whole(-1) + b"K\x00tb"
    )
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    return empty + b"(K\x01" + shape + dtype + b"\x89" + text(pixels.tobytes()) + b"tb"


def numbers(values):
    return b"](" + b"".join(whole(value) for value in values) + b"e"


def texts(values):
    return b"](" + b"".join(text(value) for value in values) + b"e"


def python_2(**entries):
    """A pickle of protocol 2, laid out as the official files are."""
    pairs = b"".join(text(key.encode()) + value for key, value in entries.items())
    return b"\x80\x02}(" + pairs + b"u."


def binary(root, name="cifar100"):
    records = {"train.bin": random_bytes((5, 3074), 1), "test.bin": random_bytes((3, 3074), 2)}
    for file, rows in records.items():
        rows[:, 0] %= 20
        rows[:, 1] %= 100
        (root / file).write_bytes(rows.tobytes())
    return records


def python_10(root, batches=(1, 2), **other):
    parts = {f"data_batch_{index}": random_bytes((4, 3072), index) for index in batches}
    parts["test_batch"] = random_bytes((3, 3072), 9)
    for index, (file, pixels) in enumerate(parts.items()):
        labels = [(3 * row + index) % 10 for row in range(len(pixels))]
        content = python_2(batch_label=text(b"a batch"), labels=numbers(labels), data=array(pixels))
        (root / file).write_bytes(other.get(file, content))
    return parts


def python_100(root):
    parts = {"train": random_bytes((5, 3072), 1), "test": random_bytes((2, 3072), 2)}
    for file, pixels in parts.items():
        fine, coarse = [99 - row for row in range(len(pixels))], list(range(len(pixels)))
        content = python_2(fine_labels=numbers(fine), coarse_labels=numbers(coarse), data=array(pixels))
        (root / file).write_bytes(content)
    return parts


def test_binary_cifar100_has_two_labels(tmp_path):
    records = binary(tmp_path)
    fine, coarse = load_data("cifar100", tmp_path), load_data("cifar100", tmp_path, labels="coarse")
    images, labels = fine.train.tensors
    assert images.shape == (5, 3, 32, 32)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert labels.tolist() == records["train.bin"][:, 1].tolist()
    assert coarse.train.tensors[1].tolist() == records["train.bin"][:, 0].tolist()
    assert torch.equal(images, coarse.train.tensors[0])
    # Blue, row 3, column 7 of the second test image, counted in bytes.
    assert fine.test.tensors[0][1, 2, 3, 7].item() == pytest.approx(records["test.bin"][1, 2 + 2048 + 3 * 32 + 7] / 255)
    assert (len(fine.classes), len(coarse.classes)) == (100, 20)
    assert (fine.classes[0], fine.classes[99]) == ("apple", "worm")
    assert (coarse.classes[0], coarse.classes[19]) == ("aquatic_mammals", "vehicles_2")
    assert fine.files == {"train.bin": "other", "test.bin": "other"}


def test_python_cifar10_comes_back(tmp_path):
    parts = python_10(tmp_path)
    data = load_data("cifar10", tmp_path)
    images, labels = data.train.tensors
    assert images.shape == (8, 3, 32, 32)
    assert labels.tolist() == [0, 3, 6, 9, 1, 4, 7, 0]
    # Green, row 2, column 5 of the sixth image.
    assert images[5, 1, 2, 5].item() == pytest.approx(parts["data_batch_2"][1, 1024 + 2 * 32 + 5] / 255)
    assert data.test.tensors[0].shape == (3, 3, 32, 32)
    assert data.classes[0] == "airplane"
    assert data.files == {"data_batch_1": "other", "data_batch_2": "other", "test_batch": "other"}


def test_the_same_images_in_both_versions_give_the_same_tensors(tmp_path):
    (tmp_path / "py").mkdir()
    (tmp_path / "bin").mkdir()
    parts = python_100(tmp_path / "py")
    for file, pixels in parts.items():
        labels = np.array([[row, 99 - row] for row in range(len(pixels))], np.uint8)
        (tmp_path / "bin" / f"{file}.bin").write_bytes(np.hstack([labels, pixels]).tobytes())
    for kind in ("fine", "coarse"):
        first, second = (load_data("cifar100", tmp_path / version, labels=kind) for version in ("py", "bin"))
        for part in ("train", "test"):
            assert all(map(torch.equal, getattr(first, part).tensors, getattr(second, part).tensors))
        assert first.classes == second.classes


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["C", "F"])
def test_pickles_written_today_are_read_too(tmp_path, protocol, order):
    pixels = np.asarray(random_bytes((3, 3072), 0), order=order)
    content = pickle.dumps({"data": pixels, "labels": [1, 2, 3], b"old": b"x"}, protocol)
    (tmp_path / "batch.gz").write_bytes(gzip.compress(content))
    batch = read_pickle(tmp_path / "batch.gz")
    assert np.array_equal(batch["data"], pixels)
    assert batch["labels"] == [1, 2, 3]
    assert batch["old"] == b"x"


def test_class_names_come_from_the_files_beside_the_data(tmp_path):
    binary(tmp_path)
    names = [f"name {index}" for index in range(100)]
    (tmp_path / "fine_label_names.txt").write_text("\n".join(names) + "\n\n")
    data = load_data("cifar100", tmp_path)
    assert data.classes == tuple(names)
    assert data.files["fine_label_names.txt"] == "unknown"
    (tmp_path / "fine_label_names.txt").write_text("one\ntwo\n")
    with pytest.raises(
        InputError, match=r"fine_label_names\.txt: 2 entries for names of classes; expected a list of 100"
    ):
        load_data("cifar100", tmp_path)


def test_class_names_of_the_python_version(tmp_path):
    python_10(tmp_path)
    names = [b"%d" % index for index in range(10)]
    (tmp_path / "batches.meta").write_bytes(python_2(label_names=texts(names)))
    assert load_data("cifar10", tmp_path).classes == tuple("0123456789")
    (tmp_path / "batches.meta").write_bytes(python_2(label_names=texts([b"twice"] * 10)))
    with pytest.raises(InputError, match=r"batches\.meta: 10 entries for names of classes; expected .* 10 different"):
        load_data("cifar10", tmp_path)
    (tmp_path / "batches.meta").write_bytes(python_2(num_vis=whole(3072)))
    with pytest.raises(InputError, match=r"batches\.meta: not there for names"):
        load_data("cifar10", tmp_path)


def test_the_folder_above_will_do(tmp_path):
    (tmp_path / "cifar100").mkdir()
    records = binary(tmp_path / "cifar100")
    assert load_data("cifar100", tmp_path).train.tensors[1].tolist() == records["train.bin"][:, 1].tolist()


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_would_run_something_is_refused(tmp_path, protocol):
    target = tmp_path / "made by the pickle"
    content = pickle.dumps({"data": Evil(target), "labels": []}, protocol)
    # The file does do it where nobody is careful.
    pickle.loads(content)
    target.rmdir()
    python_10(tmp_path, data_batch_2=content)
    with pytest.raises(InputError, match=rf"data_batch_2: the pickle names {os.name}\.mkdir, .* is refused"):
        load_data("cifar10", tmp_path)
    assert not target.exists()


@pytest.mark.parametrize(
    "name",
    ["builtins\neval", "os\nsystem", "numpy\nload", "numpy\nfromfile", "copyreg\n_reconstructor", "codecs\ndecode"],
)
def test_other_names_are_refused_by_name(tmp_path, name):
    (tmp_path / "batch").write_bytes(b"\x80\x02c" + name.encode() + b"\n.")
    with pytest.raises(InputError, match=rf"the pickle names {name.replace(chr(10), '.')}, which no file of CIFAR"):
        read_pickle(tmp_path / "batch")


def test_attributes_of_allowed_names_are_no_way_out(tmp_path):
    def short(value):
        return b"\x8c" + bytes([len(value)]) + value

    (tmp_path / "batch").write_bytes(b"\x80\x04" + short(b"numpy") + short(b"ndarray.tofile") + b"\x93.")
    with pytest.raises(InputError, match=r"names numpy\.ndarray\.tofile"):
        read_pickle(tmp_path / "batch")


def test_what_a_pickle_does_to_the_stand_ins_is_gone_with_it(tmp_path):
    # BUILD with a dictionary of attributes on the function numpy.dtype.
    spoil = b"\x80\x02cnumpy\ndtype\n(N}(" + text(b"__name__") + text(b"spoilt") + b"utb."
    (tmp_path / "batch").write_bytes(spoil)
    with pytest.raises(InputError):
        read_pickle(tmp_path / "batch")
    pixels = random_bytes((1, 3072), 0)
    (tmp_path / "batch").write_bytes(python_2(data=array(pixels)))
    assert np.array_equal(read_pickle(tmp_path / "batch")["data"], pixels)


PIXELS = random_bytes((4, 3072), 5)
WHOLE = python_2(labels=numbers([0, 1, 2, 3]), data=array(PIXELS))
BROKEN = {
    "cut short": (WHOLE[:-500], r"UnpicklingError: pickle data was truncated in \d+ bytes; expected a whole pickle"),
    "cut at the end": (WHOLE[:-1], "expected a whole pickle"),
    "empty": (b"", "EOFError: .* in 0 bytes; expected a whole pickle"),
    "binary version": (bytes(3073), r"in 3073 bytes; expected a whole pickle"),
    "a list": (pickle.dumps([1], 2), "the pickle holds a list; expected a dict"),
    "no pixels": (python_2(labels=numbers([1])), r"'data' is not there; expected bytes \[n_images, 3072\]"),
    "other size": (
        python_2(labels=numbers([1]), data=array(random_bytes((1, 784), 0))),
        r"'data' is an array of shape \(1, 784\)",
    ),
    "floats": (
        python_2(labels=numbers([1]), data=array(np.zeros((1, 3072), np.float32), b"f4")),
        "an array of dtype 'f4'; expected unsigned bytes",
    ),
    "bytes that do not fill the shape": (
        WHOLE.replace(whole(4) + whole(3072), whole(5) + whole(3072)),
        "cannot reshape array of size 12288",
    ),
    "no labels": (python_2(data=array(PIXELS)), "'labels' is not there; expected 4 labels"),
    "too few labels": (python_2(labels=numbers([1, 2]), data=array(PIXELS)), "'labels' is 2 whole numbers; expected 4"),
    "texts for labels": (python_2(labels=texts([b"a"] * 4), data=array(PIXELS)), "'labels' is 4 entries; expected 4"),
    "label 10": (
        python_2(labels=numbers([0, 1, 10, 3]), data=array(PIXELS)),
        r"sample 2 has label 10; expected 0 to 9 \(1 of 4",
    ),
    "label -1": (python_2(labels=numbers([0, -1, 1, 3]), data=array(PIXELS)), "sample 1 has label -1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_python_file_is_refused(tmp_path, case):
    content, message = BROKEN[case]
    python_10(tmp_path, data_batch_2=content)
    with pytest.raises(InputError, match=rf"data_batch_2: .*{message}"):
        load_data("cifar10", tmp_path)


@pytest.mark.parametrize("length", [1, 10, 100, 300, 1000, 5000])
def test_every_cut_is_an_input_error(tmp_path, length):
    python_10(tmp_path, data_batch_1=WHOLE[:-length])
    with pytest.raises(InputError, match="data_batch_1"):
        load_data("cifar10", tmp_path)


def test_a_broken_binary_file_is_refused(tmp_path):
    binary(tmp_path)
    (tmp_path / "test.bin").write_bytes(bytes(2 * 3073))
    with pytest.raises(InputError, match=r"6146 bytes, 1 records and 3072 bytes over; .* 3074 bytes, .* CIFAR-100"):
        load_data("cifar100", tmp_path)
    (tmp_path / "test.bin").write_bytes(b"\x14\x64" + bytes(3072))
    with pytest.raises(InputError, match=r"test\.bin: sample 0 has label 100; expected 0 to 99"):
        load_data("cifar100", tmp_path)
    with pytest.raises(InputError, match=r"test\.bin: sample 0 has label 20; expected 0 to 19"):
        load_data("cifar100", tmp_path, labels="coarse")


def test_options_are_checked(tmp_path):
    with pytest.raises(InputError, match="labels='middle' of the data set 'cifar100' must be 'fine' or 'coarse'"):
        load_data("cifar100", tmp_path, labels="middle")
    with pytest.raises(
        InputError, match="lables='fine' is no option of the data set 'cifar100'; did you mean 'labels'"
    ):
        load_data("cifar100", tmp_path, lables="fine")
    with pytest.raises(InputError, match="labels='fine' is no option of the data set 'cifar10'; there are none"):
        load_data("cifar10", tmp_path, labels="fine")


def test_an_archive_is_no_batch(tmp_path):
    stream = io.BytesIO()
    tarfile.open(fileobj=stream, mode="w").close()
    python_10(tmp_path, data_batch_1=stream.getvalue())
    with pytest.raises(InputError, match=r"data_batch_1: .*expected a whole pickle"):
        load_data("cifar10", tmp_path)
