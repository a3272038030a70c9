"""Samples of one tensor or several: what is taken, what is refused, and what it is called."""

import numpy as np
import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import Plan, Samples, coalition_table, joined, masked_inputs, named_parts, resolve_baseline
from layerlore.storage import digest_array

IDS = torch.tensor([[1, 2, 3], [4, 5, 0]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
NAMED = {"attention_mask": MASK, "input_ids": IDS}


def test_a_plain_tensor():
    values = torch.rand(3, 2, 4)
    found = Samples.of(values)
    assert len(found) == 3
    assert not found.named
    assert found.main == ""
    assert torch.equal(found[1], values[1])
    assert torch.equal(found.batch(), values)
    assert [len(part) for part in found.split(2)] == [2, 1]
    assert torch.equal(torch.stack(list(found)), values)


def test_named_tensors_are_named_in_every_part():
    found = Samples.of(NAMED)
    assert len(found) == 2
    assert found.named
    assert found.main == "input_ids"
    assert {name: part.tolist() for name, part in found[1].items()} == {
        "attention_mask": [1, 1, 0],
        "input_ids": [4, 5, 0],
    }
    first, second = found.split(1)
    assert torch.equal(first["input_ids"], IDS[:1])
    assert torch.equal(second["attention_mask"], MASK[1:])
    assert torch.equal(found.rows(1, 2).parts["input_ids"], IDS[1:])


def test_the_main_tensor_is_the_known_one_or_else_the_first():
    assert Samples.of({"attention_mask": MASK, "inputs_embeds": torch.zeros(2, 3, 4)}).main == "inputs_embeds"
    assert Samples.of({"left": MASK, "right": IDS}).main == "left"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_arrays_are_copied(dtype):
    array = np.arange(6).reshape(2, 3)[:, ::-1].astype(dtype)
    array.flags.writeable = False
    assert Samples.of(array).batch().tolist() == array.tolist()


def test_the_digest_of_one_tensor_is_that_of_the_array():
    """So that runs written before there were named tensors still belong to their inputs."""
    values = torch.rand(3, 4)
    assert Samples.of(values).digest() == digest_array(values)
    assert Samples.of(values.T.contiguous().T).digest() == digest_array(values)


def test_the_digest_of_named_tensors_tells_names_and_not_their_order():
    turned = dict(reversed(NAMED.items()))
    renamed = {"token_type_ids": MASK, "input_ids": IDS}
    swapped = {"attention_mask": IDS, "input_ids": MASK}
    digests = [Samples.of(part).digest() for part in (NAMED, turned, renamed, swapped, IDS)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_apart_and_together():
    for sample in (IDS[0], {"input_ids": IDS[0]}):
        again = joined(named_parts(sample))
        assert type(again) is type(sample)
    assert list(named_parts(IDS)) == [""]


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(3), r"inputs have shape \(3,\): a batch of samples .*inputs\[None\]"),
        (torch.zeros(0, 3), r"inputs have shape \(0, 3\)"),
        (torch.ones(2, 3, dtype=torch.bool), "inputs have dtype bool: convert and scale"),
        (torch.ones(2, 3, dtype=torch.complex64), "inputs have dtype complex64"),
        (np.array([["a"]]), "inputs have dtype <U1"),
        (torch.tensor([[0.0], [torch.nan]]), "sample 1 of inputs holds NaN or infinity"),
        ({}, "a mapping without tensors"),
        ({"a b": IDS}, "the name 'a b': named tensors are keywords"),
        ({"": IDS}, "the name '': named tensors are keywords"),
        (
            {"input_ids": IDS, "attention_mask": MASK[:1]},
            r"\['attention_mask'\] has 1 samples and .*input_ids'\] has 2",
        ),
        ({"x": torch.tensor([[0.0], [torch.inf]])}, r"sample 1 of inputs\['x'\] holds NaN"),
        ({"x": torch.tensor(1)}, r"inputs\['x'\] have shape \(\)"),
        ({"x": np.array([["a"]])}, r"inputs\['x'\] have dtype <U1"),
    ],
)
def test_what_is_refused(inputs, message):
    with pytest.raises(InputError, match=message):
        Samples.of(inputs)


PLAN = Plan(("first", "last"), torch.tensor([0, -1, 1]))
TABLE = coalition_table(2, 0, 4)


def test_named_tensors_are_masked_from_the_left():
    """Against a loop over coalitions and tokens."""
    sample = {"ids": torch.tensor([5, 6, 7]), "vectors": torch.rand(3, 2), "mask": torch.tensor([1, 1, 0])}
    baseline = {"ids": torch.tensor([9, 9, 9]), "vectors": torch.rand(3, 2), "mask": torch.tensor([0, 0, 0])}
    found = masked_inputs(sample, baseline, PLAN, TABLE)
    for name, part in sample.items():
        expected = part.expand(4, *part.shape).clone()
        for coalition in range(4):
            for place, player in enumerate([0, -1, 1]):
                if player >= 0 and not coalition >> player & 1:
                    expected[coalition, place] = baseline[name][place]
        assert torch.equal(found[name], expected), name
        assert found[name].dtype == part.dtype


def test_a_square_of_tokens_is_masked_by_its_rows_where_it_is_named_and_by_its_columns_where_not():
    square = torch.ones(3, 3)
    named = masked_inputs({"x": square}, {"x": 0 * square}, PLAN, TABLE)["x"][0]
    plain = masked_inputs(square, 0 * square, PLAN, TABLE)[0]
    assert torch.equal(named, torch.tensor([[0.0] * 3, [1.0] * 3, [0.0] * 3]))
    assert torch.equal(plain, named.T)


def test_a_tensor_that_players_do_not_own_stays():
    sample = {"ids": torch.tensor([5, 6, 7]), "language": torch.tensor([3])}
    baseline = {"ids": torch.zeros(3, dtype=torch.int64), "language": torch.tensor([3])}
    found = masked_inputs(sample, baseline, PLAN, TABLE)
    assert found["language"].tolist() == [[3]] * 4
    with pytest.raises(InputError, match=r"owner has shape \(3,\), which is not how the shape of 'language', \(1,\)"):
        masked_inputs(sample, baseline | {"language": torch.tensor([4])}, PLAN, TABLE)


def test_a_mask_function_of_named_tensors():
    def mask(sample, baseline, coalitions):
        sample["ids"] += 0  # it may write to what it gets
        shown = coalitions.all(1)[:, None]
        return {name: torch.where(shown, sample[name], baseline[name]) for name in sample}

    sample, baseline = {"ids": torch.tensor([5, 6])}, {"ids": torch.tensor([0, 0])}
    plan = Plan(("a", "b"), mask=mask)
    assert masked_inputs(sample, baseline, plan, TABLE)["ids"].tolist() == [[0, 0]] * 3 + [[5, 6]]
    for wrong, message in (
        (lambda *_: sample["ids"], r"returned a Tensor: a mapping of \['ids'\] is needed"),
        (lambda *_: {"x": sample["ids"]}, r"returned the tensors \['x'\]: a mapping of"),
        (lambda *_: sample, r"'ids' returned shape \(2,\)"),
    ):
        with pytest.raises(InputError, match=message):
            masked_inputs(sample, baseline, Plan(("a", "b"), mask=wrong), TABLE)


def test_baselines_of_named_tensors():
    samples = Samples.of({"ids": IDS, "vectors": torch.rand(2, 3, 4)})
    found = resolve_baseline({"ids": 7, "vectors": torch.zeros(3, 4)}, samples)
    assert found.parts["ids"].tolist() == [[7] * 3] * 2
    assert found.parts["ids"].dtype == torch.int64
    assert not found.parts["vectors"].any()
    kept = resolve_baseline({"ids": torch.tensor([1, 2, 3])}, samples)
    assert kept.parts["ids"].tolist() == [[1, 2, 3]] * 2
    assert torch.equal(kept.parts["vectors"], samples.parts["vectors"])
    called = resolve_baseline(lambda parts: parts | {"ids": parts["ids"].mul_(0)}, samples)
    assert not called.parts["ids"].any()
    assert samples.parts["ids"].any()


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (
            "mean",
            r"baseline='mean' for inputs of several tensors \(attention_mask, input_ids\): say which.*'input_ids'",
        ),
        (0.0, r"baseline=0.0 for inputs of several tensors"),
        ({"input_id": 1}, "baseline for the tensor='input_id' is not known; did you mean 'input_ids'"),
        ({"input_ids": "mean"}, "of 'input_ids' have dtype torch.int64, and baseline='mean' needs floating point"),
        ({"input_ids": 1.5}, r"baseline=1.5 holds numbers that torch.int64, the samples' dtype, cannot"),
        ({"input_ids": float("nan")}, r"baseline=nan holds numbers that torch.int64"),
        ({"input_ids": torch.tensor([1, 2])}, r"has shape \(2,\); it must have a sample's shape \(3,\)"),
        (lambda parts: parts["input_ids"], "returned a Tensor: a mapping of"),
        (lambda parts: {"input_ids": IDS}, r"returned the tensors \['input_ids'\]: a mapping of"),
    ],
)
def test_baselines_that_named_tensors_do_not_have(baseline, message):
    with pytest.raises(InputError, match=message):
        resolve_baseline(baseline, Samples.of(NAMED))


@pytest.mark.parametrize("baseline", ["mean", "zero"])
def test_words_are_no_baselines_of_integers(baseline):
    with pytest.raises(InputError, match=r"torch.int64.*the mean of ids is no id.*use Words"):
        resolve_baseline(baseline, IDS)


def test_pieces_are_as_many_as_the_owners_entries():
    with pytest.raises(InputError, match="2 pieces for 3 owned numbers"):
        Plan(("a", "b"), torch.tensor([0, 1, -1]), pieces=("x", "y"))
    with pytest.raises(InputError, match="1 pieces for 0 owned numbers"):
        Plan(("a", "b"), mask=lambda *_: None, pieces=("x",))
