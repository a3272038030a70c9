"""Digests tell contents apart, and only contents."""

import hashlib

import numpy as np
import pytest
import torch

from layerlore.storage import digest_array, digest_json, digest_tensors, row_bytes


def test_a_digest_is_the_sha256_of_dtype_shape_and_bytes():
    values = np.array([[1, 2, 3]], dtype=np.int16)
    assert digest_array(values) == hashlib.sha256(b"|<i2|(1, 3)|" + values.tobytes()).hexdigest()


def test_arrays_and_tensors_of_the_same_numbers_agree():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest_array(values) == digest_array(torch.from_numpy(values))
    assert digest_array(values.T) == digest_array(torch.from_numpy(values).T) != digest_array(values)
    assert digest_array(values[:, ::2]) == digest_array(values[:, ::2].copy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.bool, torch.int64])
def test_every_entry_every_axis_and_the_dtype_count(dtype):
    values = torch.zeros(2, 6).to(dtype)
    changed = values.clone()
    changed[1, 5] = 1
    every = [values, changed, values.reshape(3, 4), values.reshape(12), values[:1], torch.zeros(2, 6, dtype=torch.int8)]
    assert len({digest_array(each) for each in every}) == len(every)
    assert digest_array(values) == digest_array(values.clone())


def test_a_dtype_that_numpy_lacks_is_not_taken_for_its_bytes():
    values = torch.ones(4, dtype=torch.float8_e4m3fn)
    assert digest_array(values) != digest_array(values.view(torch.uint8))


def test_scalars_and_empty_arrays_have_digests():
    every = [torch.tensor(1.0), torch.ones(1), torch.ones(0), torch.ones(0, 3), torch.tensor(1.0).bfloat16()]
    assert len({digest_array(each) for each in every}) == 5


def test_names_order_and_words_of_tensors_count():
    one, two = torch.zeros(2), torch.ones(2)
    every = [
        digest_tensors([("a", one), ("b", two)]),
        digest_tensors([("b", two), ("a", one)]),
        digest_tensors([("a", two), ("b", one)]),
        digest_tensors([("a", one)]),
        digest_tensors([("a", one), ("b", two)], ["word"]),
        digest_tensors([("a", one), ("b", two)], ["wor", "d"]),
    ]
    assert len(set(every)) == len(every)
    assert digest_tensors([("a", one.requires_grad_())]) == every[3]


def test_json_digests_ignore_the_order_of_keys_only():
    assert digest_json({"a": 1, "b": [1, 2]}) == digest_json({"b": [1, 2], "a": 1})
    assert digest_json({"a": [1, 2]}) != digest_json({"a": [2, 1]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_json({"a": float("inf")})


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.bool])
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 2), (3, 0), (0, 2)])
def test_row_bytes_are_the_bytes_of_each_row(dtype, shape):
    values = (torch.arange(int(np.prod(shape))).reshape(shape) % 2).to(dtype)
    rows = row_bytes(values)
    assert len(rows) == len(values)
    for row, value in zip(rows, values, strict=True):
        assert row.tobytes() == bytes(value.reshape(-1).contiguous().view(torch.uint8).tolist())
