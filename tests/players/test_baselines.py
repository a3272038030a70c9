import json
import math

import numpy as np
import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import Blur, baseline_settings, resolve_baseline


def samples(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        ("zero", torch.zeros(2, 3, 4)),
        (0.5, torch.full((2, 3, 4), 0.5)),
        (2, torch.full((2, 3, 4), 2.0)),
        (torch.tensor(0.5), torch.full((2, 3, 4), 0.5)),
        ("mean", torch.arange(24.0).reshape(2, 3, 4)),
        (torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([1.0, 2.0]).reshape(2, 1, 1).expand(2, 3, 4)),
        (torch.ones(2, 3, 4, dtype=torch.uint8), torch.ones(2, 3, 4)),
    ],
)
def test_one_baseline_for_all_samples(baseline, expected, dtype):
    mean = torch.arange(24.0, dtype=torch.float64).reshape(2, 3, 4)
    result = resolve_baseline(baseline, samples(5, 2, 3, 4, dtype=dtype), mean)
    assert result.dtype == dtype
    assert torch.equal(result, expected.to(dtype).expand(5, 2, 3, 4))


def test_one_baseline_for_each_sample():
    own = samples(5, 2, 3, 4).double() + 1
    assert torch.equal(resolve_baseline(own, samples(5, 2, 3, 4)), own.float())


def test_a_function_of_the_samples_gets_a_copy():
    data = samples(3, 4)
    before = data.clone()
    result = resolve_baseline(lambda values: values.mul_(2).flip(0), data)
    assert torch.equal(data, before)
    assert torch.equal(result, (2 * before).flip(0))


def test_no_gradient_is_kept():
    weight = torch.ones(4, requires_grad=True)
    assert not resolve_baseline(weight, samples(3, 4).requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("shape", "sigma"), [((2, 3, 12, 9), 1.0), ((2, 12, 9), 0.4), ((1, 1, 7, 30), 2.5), ((1, 5, 4), 1.0)]
)
def test_blur_against_scipy(shape, sigma):
    ndimage = pytest.importorskip("scipy.ndimage")
    data = samples(*shape, dtype=torch.float64)
    radius = int(4 * sigma + 0.5)
    expected = data.numpy()
    for axis in (-1, -2):
        mode = "mirror" if radius < shape[axis] else "nearest"
        expected = ndimage.gaussian_filter1d(expected, sigma, axis=axis, mode=mode)
    result = resolve_baseline(Blur(sigma), data)
    # Sums of some tens of terms of size 1, twice.
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=1e-13)


def test_blur_of_half_precision_is_rounded_once():
    data = samples(2, 3, 9, 9, dtype=torch.float16)
    assert torch.equal(resolve_baseline(Blur(1.5), data), Blur(1.5)(data.float()).half())


def test_wide_blur_keeps_constants():
    # Rounding of one sum of weights that add to 1.
    assert torch.allclose(Blur(20.0)(torch.ones(1, 1, 4, 5)), torch.ones(1, 1, 4, 5), rtol=0, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_blur_width(sigma):
    with pytest.raises(InputError, match=r"Blur\(sigma=.*finite and above 0"):
        Blur(sigma)


def test_blur_needs_two_axes():
    with pytest.raises(InputError, match=r"two axes or more; the samples have shape \(5, 4\)"):
        resolve_baseline(Blur(1.0), samples(5, 4))


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("meen", "baseline='meen' is not known; did you mean 'mean'"),
        ("mean", "needs the mean of each number over the training data, and none is at hand"),
        (math.nan, r"baseline=nan holds"),
        (1e39, r"baseline=1e\+39 holds"),
        (torch.full((2, 3, 4), math.inf), "the baseline tensor holds 24 of 24 numbers that are NaN or infinite"),
        (torch.zeros(4), r"the baseline tensor has shape \(4,\).*sample's shape \(2, 3, 4\).*\(5, 2, 3, 4\)"),
        (torch.zeros(2), r"has shape \(2,\)"),
        (torch.zeros(3, 1, 1), r"has shape \(3, 1, 1\)"),
        (torch.zeros(4, 2, 3, 4), r"has shape \(4, 2, 3, 4\)"),
        (torch.zeros(2, 3, 4, dtype=torch.bool), "dtype torch.bool: real numbers are needed"),
        (torch.zeros(2, 3, 4, dtype=torch.complex64), "dtype torch.complex64: real numbers are needed"),
        (lambda values: values[0], r"returned shape \(2, 3, 4\): a tensor of the samples' shape \(5, 2, 3, 4\)"),
        (lambda values: values / 0, "the result of the baseline .*lambda.* holds"),
    ],
)
def test_impossible_baselines(baseline, message):
    with pytest.raises(InputError, match=message):
        resolve_baseline(baseline, samples(5, 2, 3, 4))


def test_true_is_no_number():
    with pytest.raises(InputError, match="baseline=True is a bool"):
        resolve_baseline(True, samples(5, 4))


def test_mean_of_another_shape():
    with pytest.raises(InputError, match=r"the mean of the training data has shape \(3, 4\)"):
        resolve_baseline("mean", samples(5, 2, 3, 4), torch.zeros(3, 4))


def test_impossible_samples():
    with pytest.raises(InputError, match=r"samples have dtype torch.int64"):
        resolve_baseline("zero", torch.zeros(5, 4, dtype=torch.int64))
    broken = samples(5, 4)
    broken[2, 1] = math.nan
    with pytest.raises(InputError, match=r"samples holds 1 of 20 numbers that are NaN.*first at \(2, 1\)"):
        resolve_baseline("zero", broken)


def test_settings_tell_tensors_apart():
    values = torch.arange(6.0).reshape(2, 3)
    settings = baseline_settings(values)
    assert json.loads(json.dumps(settings)) == settings
    assert settings["shape"] == [2, 3]
    assert settings["dtype"] == "float32"
    assert settings == baseline_settings(values.t().contiguous().t())
    others = [values + 1e-6, values.reshape(3, 2), values.double(), values.bfloat16(), torch.tensor(0.0), -values]
    found = [json.dumps(baseline_settings(other)) for other in [values, *others]]
    assert len(set(found)) == len(found)


def test_settings_of_the_others():
    assert baseline_settings("mean") == "mean"
    assert baseline_settings(0.5) == 0.5
    assert baseline_settings(Blur(2.0)) == {"blur": 2.0}
    assert baseline_settings(torch.relu)["function"].endswith("relu")
