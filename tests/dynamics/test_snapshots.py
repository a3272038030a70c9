import pytest
import torch

from layerlore.dynamics.snapshots import SNAPSHOTS, beside, fits, take_snapshot


@pytest.mark.parametrize("mode", SNAPSHOTS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64])
def test_a_snapshot_shares_nothing_and_keeps_its_values(mode: str, dtype: torch.dtype) -> None:
    weight = torch.nn.Parameter(torch.randn(3, 4).to(dtype))
    before = weight.detach().clone()
    snapshot = take_snapshot(weight, mode)
    with torch.no_grad():
        weight.zero_()
    rounded = before.bfloat16() if mode == "bf16" and dtype in (torch.float32, torch.float64) else before
    assert torch.equal(snapshot, rounded)
    assert snapshot.dtype == rounded.dtype
    assert not snapshot.requires_grad
    assert fits(snapshot, weight, mode)


def test_a_snapshot_of_another_dtype_does_not_fit() -> None:
    snapshot = take_snapshot(torch.ones(2, 2), "device")
    assert not fits(snapshot, torch.ones(2, 2, dtype=torch.float64), "device")
    assert fits(snapshot, torch.zeros(2, 2), "device")


def test_a_snapshot_on_another_device_does_not_fit() -> None:
    snapshot = take_snapshot(torch.ones(2, 2), "device")
    elsewhere = torch.ones(2, 2, device="meta")
    assert not fits(snapshot, elsewhere, "device")
    assert beside(snapshot, elsewhere, "device").device.type == "meta"
    assert fits(snapshot, elsewhere, "cpu")
    assert beside(snapshot, elsewhere, "cpu") is snapshot


def test_a_layout_in_memory_is_kept() -> None:
    weight = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    assert take_snapshot(weight, "device").stride() == weight.stride()
