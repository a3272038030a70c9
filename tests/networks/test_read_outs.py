import pytest
import torch

from layerlore.errors import InputError
from layerlore.networks import READ_OUTS, read_out, read_out_size

positions = torch.arange(2 * 3 * 4, dtype=torch.float32).view(2, 3, 4)
image = torch.arange(2 * 3 * 4 * 5, dtype=torch.float64).view(2, 3, 4, 5)


def test_values_against_loops():
    assert torch.equal(read_out("flatten")(positions), torch.stack([sample.reshape(-1) for sample in positions]))
    assert torch.equal(read_out("mean")(positions), torch.stack([(s[0] + s[1] + s[2]) / 3 for s in positions]))
    assert torch.equal(read_out("cls")(positions), torch.stack([sample[0] for sample in positions]))
    expected = torch.tensor([[channel.sum() / 20 for channel in sample] for sample in image], dtype=torch.float64)
    assert torch.equal(read_out("gap")(image), expected)
    assert torch.equal(read_out("gap")(positions), positions.mean(2))
    assert read_out("gap")(torch.zeros(2, 3, 1, 1, 2)).shape == (2, 3)


def test_flatten_takes_any_shape():
    assert read_out("flatten")(torch.zeros(3)).shape == (3, 1)
    assert read_out("flatten")(torch.zeros(0, 2, 3)).shape == (0, 6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", READ_OUTS)
def test_dtype_is_kept(name, dtype):
    assert read_out(name)(positions.to(dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("mean", (4,), r"'mean' needs an output \[batch, positions, channels\] and got one of shape \[batch, 4\]; "),
        ("cls", (4,), r"'cls' needs .* shape \[batch, 4\]; read-out 'flatten' fits"),
        ("gap", (4,), r"'gap' needs an output \[batch, channels, \*spatial\].*read-out 'flatten' fits"),
        ("gap", (), r"shape \[batch\]; read-out 'flatten' fits"),
        ("mean", (3, 4, 5), r"shape \[batch, 3, 4, 5\]; read-out 'flatten' or 'gap' fits"),
        ("cls", (3, 4, 5), r"read-out 'flatten' or 'gap' fits"),
    ],
)
def test_shapes_that_do_not_fit(name, shape, message):
    with pytest.raises(InputError, match=message):
        read_out_size(name, shape)
    with pytest.raises(InputError, match=message):
        read_out(name)(torch.zeros(2, *shape))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("flatten", ()),
        ("flatten", (3, 4, 5)),
        ("mean", (3, 4)),
        ("cls", (3, 4)),
        ("gap", (3, 4)),
        ("gap", (3, 4, 5, 6)),
    ],
)
def test_size_is_what_running_gives(name, shape):
    assert read_out(name)(torch.zeros(2, *shape)).shape == (2, read_out_size(name, shape))


def test_unknown_names():
    with pytest.raises(InputError, match=r"read_out='men' is not known; did you mean 'mean'"):
        read_out("men")
    with pytest.raises(InputError, match="read_out='max' is not known"):
        read_out_size("max", (2, 3))
