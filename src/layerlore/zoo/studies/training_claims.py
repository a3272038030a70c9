"""The claims about training of METHODS B3, tested on how the layers of one network change.

Trainings of several seeds are averaged layer by layer, and layers are what is drawn: three seeds can settle nothing on
their own, and the layers of one training are no sample of other networks. So a verdict here is about these layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from layerlore.dynamics.history import History
from layerlore.errors import InputError
from layerlore.interactions.bootstrap import ratio
from layerlore.zoo.studies.evidence import Evidence, over_layers, spearman
from layerlore.zoo.studies.verdict import Claim, Statement, judged, undecided

PREDECESSOR = "Agrawal et al. 2020 (arXiv 2011.06735)"
PAPER = "Agrawal et al. 2021 (arXiv 2107.07005)"

THIRDS = "early / middle / late 1.39 / 2.14 / 2.24 (ResNet), 0.15 / 0.20 / 0.22 (EfficientNet-B4), rwc_elementwise"
DEPTHWISE = "0.03 against 0.40 (EfficientNet-B4, rwc_elementwise)"
FEWEST = 6
"""Layers that a claim about depth needs."""


@dataclass(frozen=True, eq=False)
class Course:
    """How the layers of a network change in one task, averaged over seeds.

    Attributes:
        layers: names of the weights by depth.
        kinds: of them.
        sizes: elements of each.
        values: layer x step, mean over seeds; NaN where no seed has a finite value.
        n_seeds: trainings.
    """

    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    sizes: tuple[int, ...]
    values: Float64[np.ndarray, "n_layers n_steps"]
    n_seeds: int

    def depth(self) -> Float64[np.ndarray, " n_layers"]:
        """Place of each layer, 0 the first and 1 the last."""
        return np.linspace(0, 1, len(self.layers)) if len(self.layers) > 1 else np.zeros(len(self.layers))

    def change(self) -> Float64[np.ndarray, " n_layers"]:
        """Mean over the steps of each layer; NaN where none is finite."""
        return _mean(self.values, axis=1)


def course_of(histories: Sequence[History], measure: str | None = None) -> Course:
    """Trainings of one network on one data set that differ in the seed alone, as one course.

    Args:
        histories: one of each seed.
        measure: of change; None takes `History.default_measure`.

    Raises:
        InputError: none is given, or their layers or steps differ.
    """
    if not histories:
        raise InputError("histories is empty: a course needs at least one training")
    first = histories[0]
    for other in histories[1:]:
        if other.layers != first.layers or other.steps.tolist() != first.steps.tolist():
            raise InputError("these trainings have different layers or steps: average only those of one network")
    tables = np.stack([history.values(measure) for history in histories])
    weights = first.weights
    return Course(
        layers=tuple(first.layers),
        kinds=tuple(weight.kind for weight in weights),
        sizes=tuple(weight.size for weight in weights),
        values=_mean(tables, axis=0),
        n_seeds=len(histories),
    )


def later_layers_change_more(course: Course, network: str) -> Claim:
    """Later layers show more relative change than earlier ones, on average over the steps."""
    statement = Statement(
        "later_layers_change_more",
        "over a run, later layers show more relative change than earlier ones",
        PREDECESSOR,
        network,
        "rank correlation of depth and change",
        THIRDS,
    )
    evidence = _of_depth(course.depth(), course.change())
    return _judged(statement, evidence, f"the rank correlation of depth and mean change{_seeds(course)}")


def early_and_middle_change_most(course: Course, network: str) -> Claim:
    """On CIFAR-10, the first two thirds of the layers change more than the last third."""
    statement = Statement(
        "early_and_middle_layers_change_most",
        "on CIFAR-10 early and middle layers change most",
        PAPER,
        network,
        "ratio of geometric means, early and middle to late",
        THIRDS,
    )
    depth, change = _positive(course.depth(), course.change())
    # By rank of depth: exactly a third of the layers is late.
    late = np.arange(len(depth)) >= len(depth) - round(len(depth) / 3)
    return _ratio_claim(
        statement,
        ~late,
        change,
        f"change of early and middle layers, as a multiple of that of late ones{_seeds(course)},",
    )


def harder_data_recruits_later(easier: Course, harder: Course, network: str, names: tuple[str, str]) -> Claim:
    """On the harder data set, more of the change lies in later layers.

    The share of each layer in the change of all is compared between the data sets. Layers that are not of one size in
    both (the last one, where the number of classes differs) are left out.

    Args:
        easier: on the simpler data.
        harder: on the other.
        network: its name.
        names: of the data sets, the easier first.
    """
    statement = Statement(
        "harder_data_recruits_later_layers",
        f"{names[1]} recruits later layers more than {names[0]}",
        PAPER,
        network,
        "difference of depth centroids",
    )
    sizes = dict(zip(harder.layers, harder.sizes, strict=True))
    common = [n for n, layer in enumerate(easier.layers) if sizes.get(layer) == easier.sizes[n]]
    at = dict(zip(harder.layers, harder.change(), strict=True))
    values = np.array([[easier.change()[n], at[easier.layers[n]]] for n in common]).reshape(-1, 2)
    kept = (np.isfinite(values) & (values >= 0)).all(axis=1)
    depth = easier.depth()[common][kept]
    evidence = _enough(depth, values[kept], _centroid_difference)
    told = f"the depth centroid of change on {names[1]} less that on {names[0]}"
    return _judged(statement, evidence, told)


def later_layers_used_late(course: Course, network: str) -> Claim:
    """On SVHN, the centre of the change moves to later layers from epoch to epoch.

    The slope over steps of the depth centroid is the sum over layers of depth times the slope of the layer's share, so
    that depths can be permuted over layers while each layer keeps its whole course.
    """
    statement = Statement(
        "later_layers_used_as_accuracy_nears_its_best",
        "on SVHN later layers are used more as accuracy nears its best",
        PAPER,
        network,
        "depth centroid per run",
    )
    kept = np.isfinite(course.values).all(axis=1)
    values = course.values[kept]
    steps = np.linspace(0, 1, values.shape[1]) if values.shape[1] > 1 else np.zeros(1)
    away = steps - steps.mean()
    contrast = away / max(float(away @ away), 1e-300)

    def slope(depth: np.ndarray, changes: np.ndarray) -> np.ndarray:
        return _centroid(depth[..., None], changes) @ contrast

    told = f"the slope over epochs of the depth centroid of change{_seeds(course)}"
    return _judged(statement, _enough(course.depth()[kept], values, slope), told)


def depthwise_barely_change(course: Course | None, network: str) -> Claim:
    """Depthwise convolutions change less than the other convolutions on CIFAR-10."""
    statement = Statement(
        "depthwise_barely_change",
        "depthwise convolutions barely change on CIFAR-10, less than other convolutions",
        PAPER,
        network,
        "ratio of geometric means, depthwise to other convolutions",
        DEPTHWISE,
    )
    if course is None or "depthwise" not in course.kinds:
        return undecided(statement, "no network of this study has depthwise convolutions and was trained on CIFAR-10")
    kinds = np.array(course.kinds)
    convolutions = np.isin(kinds, ("depthwise", "pointwise", "conv"))
    changed, depthwise = course.change()[convolutions], (kinds == "depthwise")[convolutions]
    kept = np.isfinite(changed) & (changed > 0)
    told = f"change of depthwise convolutions, as a multiple of that of the others{_seeds(course)},"
    return _ratio_claim(statement, depthwise[kept], changed[kept], told, side=-1)


def pointwise_active_late(course: Course | None, network: str) -> Claim:
    """On CIFAR-100, pointwise convolutions change more in later layers."""
    statement = Statement(
        "pointwise_active_late",
        "pointwise convolutions are active in later layers on CIFAR-100",
        PAPER,
        network,
        "rank correlation of depth and change",
    )
    if course is None or "depthwise" not in course.kinds:
        why = "no network of this study has depthwise and pointwise convolutions and was trained on CIFAR-100"
        return undecided(statement, why)
    pointwise = np.array(course.kinds) == "pointwise"
    evidence = _of_depth(course.depth()[pointwise], course.change()[pointwise])
    return _judged(statement, evidence, f"the rank correlation of depth and change of pointwise ones{_seeds(course)}")


def training_claims(
    histories: Mapping[tuple[str, str], Sequence[History]], measure: str | None = None
) -> tuple[Claim, ...]:
    """All claims about the trainings of a study.

    Args:
        histories: of each network and data set, one for each seed.
        measure: of change; None takes the default of the histories.

    Raises:
        InputError: trainings of one network and data set have different layers or steps.
    """
    courses = {key: course_of(found, measure) for key, found in histories.items()}
    networks = list(dict.fromkeys(network for network, _ in courses))
    claims = [later_layers_change_more(course, f"{network}, {data}") for (network, data), course in courses.items()]
    for network in networks:
        easier, harder, digits = (courses.get((network, name)) for name in ("cifar10", "cifar100", "svhn"))
        if easier is not None:
            claims.append(early_and_middle_change_most(easier, f"{network}, cifar10"))
        if easier is not None and harder is not None:
            claims.append(harder_data_recruits_later(easier, harder, network, ("cifar10", "cifar100")))
        if digits is not None:
            claims.append(later_layers_used_late(digits, f"{network}, svhn"))
    if not any(data == "svhn" for _, data in courses):
        claims.append(_not_trained_on_svhn())
    return (*claims, *_by_kind(courses, networks))


def _by_kind(courses: Mapping[tuple[str, str], Course], networks: Sequence[str]) -> list[Claim]:
    claims = []
    for data, test in (("cifar10", depthwise_barely_change), ("cifar100", pointwise_active_late)):
        found = {network: courses.get((network, data)) for network in networks}
        able = {name: course for name, course in found.items() if course is not None and "depthwise" in course.kinds}
        claims += [test(course, f"{name}, {data}") for name, course in able.items()] or [test(None, "")]
    return claims


def _not_trained_on_svhn() -> Claim:
    statement = Statement(
        "later_layers_used_as_accuracy_nears_its_best",
        "on SVHN later layers are used more as accuracy nears its best",
        PAPER,
    )
    return undecided(statement, "nothing was trained on SVHN in this study")


def _of_depth(depth: Float64[np.ndarray, " n_layers"], change: Float64[np.ndarray, " n_layers"]) -> Evidence | int:
    kept = np.isfinite(change)
    return _enough(depth[kept], change[kept][:, None], lambda label, value: spearman(label, value[..., 0]))


def _enough(depth: np.ndarray, values: np.ndarray, statistic) -> Evidence | int:
    """The evidence, or how few layers there are."""
    return len(depth) if len(depth) < FEWEST else over_layers(statistic, depth, values)


def _judged(statement: Statement, evidence: Evidence | int, told: str) -> Claim:
    if isinstance(evidence, int):
        return undecided(statement, f"{told} needs {FEWEST} layers, and there are {evidence}")
    return judged(statement, evidence, told)


def _ratio_claim(
    statement: Statement, chosen: np.ndarray, change: Float64[np.ndarray, " n_layers"], told: str, side: int = 1
) -> Claim:
    """A claim about the change of some layers as a multiple of that of the others, tested on its logarithm."""
    if min(chosen.sum(), (~chosen).sum()) < 2:
        return undecided(statement, f"{told} needs two layers on either side that change")

    def difference(label: np.ndarray, value: np.ndarray) -> np.ndarray:
        logs = value[..., 0]
        ours = ratio((label * logs).sum(1), label.sum(1))
        return ours - ratio(((1 - label) * logs).sum(1), (1 - label).sum(1))

    found = over_layers(difference, chosen.astype(np.float64), np.log(change)[:, None])
    number, low, high = (float(np.exp(end)) for end in (found.number, found.low, found.high))
    return judged(statement, Evidence(number, low, high, found.p_value, found.n, found.test), told, side=side, null=1.0)


def _positive(depth: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = np.isfinite(change) & (change > 0)
    return depth[kept], change[kept]


def _centroid(depth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean depth, each layer weighted by its value; layers along axis 1."""
    return ratio((depth * values).sum(axis=1), values.sum(axis=1))


def _centroid_difference(
    depth: Float64[np.ndarray, "n_draws n_layers"], values: Float64[np.ndarray, "n_draws n_layers 2"]
) -> Float64[np.ndarray, " n_draws"]:
    centroids = _centroid(depth[..., None], values)
    return centroids[:, 1] - centroids[:, 0]


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    return ratio(np.asarray(np.where(finite, values, 0.0)).sum(axis=axis), finite.sum(axis=axis).astype(np.float64))


def _seeds(course: Course) -> str:
    return f" (mean of {course.n_seeds} seeds)" if course.n_seeds > 1 else ""
