"""Which class is explained for each sample."""

import numpy as np
import pytest
import torch

from layerlore.errors import InputError
from layerlore.interactions.targets import predicted_classes, resolve_targets, samples_of_another_class

LOGITS = torch.tensor([[0.0, 2.0, 1.0], [5.0, -1.0, 4.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([2, 0], [[2], [0]]),
        (np.array([2, 0], dtype=np.uint8), [[2], [0]]),
        (torch.tensor([2, 0], dtype=torch.int32), [[2], [0]]),
        (1, [[1], [1]]),
        (torch.tensor(1), [[1], [1]]),
        ([[0, 1], [2, 1]], [[0, 1], [2, 1]]),
        (np.array([[0, 2], [1, 1]]).T, [[0, 1], [2, 1]]),
        ("predicted", [[1], [0]]),
    ],
)
def test_every_way_to_name_targets(targets, expected):
    found = resolve_targets(targets, LOGITS, 3)
    assert found.dtype == torch.int64
    assert found.tolist() == expected


def test_one_logit_predicts_by_its_sign():
    assert predicted_classes(torch.tensor([[0.1], [-0.1], [0.0]], dtype=torch.float64)).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ("labels", "targets='labels' is not known: pass 'predicted', a class number, or .* as 2 class numbers"),
        ([0.0, 1.0], "targets have dtype torch.float64: whole class numbers are needed"),
        ([True, False], "targets have dtype torch.bool: whole class numbers are needed"),
        ([0, 1, 2], r"targets have shape \(3,\) for 2 samples: .*\(2,\), or several, \(2, n_targets\)"),
        (np.zeros((2, 1, 1), dtype=int), r"targets have shape \(2, 1, 1\) for 2 samples"),
        (np.zeros((2, 0), dtype=int), r"targets have shape \(2, 0\) for 2 samples"),
        ([0, 3], "target 3 of sample 1 is out of range: classes run from 0 to 2"),
        ([[0, 1], [-1, 2]], "target -1 of sample 1 is out of range: classes run from 0 to 2"),
        (["cat", "dog"], "targets cannot be read as class numbers .*: pass whole numbers"),
        ([[0], [0, 1]], "targets cannot be read as class numbers .*: pass whole numbers"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(targets, message):
    with pytest.raises(InputError, match=message):
        resolve_targets(targets, LOGITS, 3)


def test_another_class_is_the_next_sample_that_differs_and_each_target_has_its_own():
    targets = torch.tensor([[0, 1], [0, 1], [2, 1], [0, 1]])
    assert samples_of_another_class(targets).tolist() == [[2, -1], [2, -1], [3, -1], [2, -1]]
    # By definition, for random targets: walk on from each sample, around the end.
    targets = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (9, 4)))
    values, found = targets.numpy(), samples_of_another_class(targets)
    for sample in range(9):
        for target in range(4):
            walk = [(sample + step) % 9 for step in range(1, 9)]
            assert found[sample, target] == next(o for o in walk if values[o, target] != values[sample, target])


def test_a_single_sample_has_no_other():
    assert samples_of_another_class(torch.tensor([[1]])).tolist() == [[-1]]
