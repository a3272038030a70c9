"""What a study is asked to do: the papers' settings as defaults, small ones for two cores, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from layerlore.errors import InputError, check_choice
from layerlore.zoo.training import PRECISIONS

IMAGES = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "svhn")
TABLES = ("census",)
TEXTS = ("sst2",)
BUNDLED = ("digits",)
"""Data that needs no folder."""

IMAGE_NETWORKS = (
    "mlp7",
    "vgg11",
    "vgg19_bn",
    "alexnet",
    "small_resnet",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet56",
)
TABLE_NETWORKS = ("mlp7",)
TEXT_NETWORKS = ("minilm", "distilbert", "bert", "xlnet")
LIBRARIES = ("timm", "torchvision", "transformers")
"""Whose networks go by ``library:name``."""
OPTIMISERS = ("adam", "sgd")
MOST_PLAYERS = 16
LAYERWISE_OPTIONS = (
    *("samples", "n_players", "draws", "sigma", "kappa", "seed"),
    *("probe_samples", "train_samples", "epochs", "precision"),
)
"""Options of the command line that a command names where they are not the usual ones."""


@dataclass(frozen=True)
class Preset:
    """What the papers take of one data set, and what is taken in minutes.

    Attributes:
        networks: that the papers explain on it.
        samples: explained.
        n_players: of each sample.
        quick_networks: likewise for the quick version.
        quick_samples: likewise.
        quick_players: likewise.
        quick_train: training samples of the quick version; None takes all.
    """

    networks: tuple[str, ...]
    samples: int
    n_players: int
    quick_networks: tuple[str, ...] = ("mlp7", "resnet20")
    quick_samples: int = 20
    quick_players: int = 8
    quick_train: int | None = 2000


PAPER_NETWORKS = ("mlp7", "vgg11", "resnet20", "resnet32")
PRESETS = {
    "digits": Preset(("mlp7", "small_resnet"), 50, 10, ("mlp7", "small_resnet"), quick_train=None),
    "mnist": Preset(PAPER_NETWORKS, 100, 10),
    "fashion_mnist": Preset(PAPER_NETWORKS, 100, 10),
    "cifar10": Preset(PAPER_NETWORKS, 30, 12),
    "cifar100": Preset(PAPER_NETWORKS, 30, 12),
    "svhn": Preset(PAPER_NETWORKS, 30, 12),
    "census": Preset(TABLE_NETWORKS, 100, 12, TABLE_NETWORKS, quick_players=12, quick_train=None),
    "sst2": Preset(("minilm",), 50, 10, ("minilm",), quick_samples=12),
}
"""METHODS A1 and A10. Where the papers take no such data, the nearest that they take."""


def networks_for(data: str) -> tuple[str, ...]:
    """Networks that a data set can be explained with."""
    if data in TABLES:
        return TABLE_NETWORKS
    return TEXT_NETWORKS if data in TEXTS else IMAGE_NETWORKS


@dataclass(frozen=True)
class LayerwiseSettings:
    """All that decides the numbers of a layerwise study. Made by `layerwise_settings`.

    Attributes:
        networks: names in the zoo, each once.
        data: name of the data set.
        root: folder of its files; None for data that needs none.
        samples: test samples explained.
        n_players: of each sample; ``2**n_players`` masked inputs per sample.
        draws: noisy copies of each sample for the stability.
        sigma: standard deviation of that noise, for inputs scaled to [0, 1] (METHODS A8).
        kappa: tolerance of the splits (METHODS A4).
        kappas: tolerances of the ablation, ``kappa`` among them.
        seed: of initial weights, training, probes, samples and noise.
        quick: whether recipes are to take minutes on two cores.
        weights: files of trained weights by network; those without are trained.
        probe_samples: training samples that probes see; None takes all.
        train_samples: training samples that networks see; None takes all.
        epochs: of each training; None takes those of the recipe.
        precision: of the training, ``"float32"`` or ``"bfloat16"``, see `layerlore.zoo.train`.
    """

    networks: tuple[str, ...]
    data: str
    root: Path | None
    samples: int
    n_players: int
    draws: int = 16
    sigma: float = 0.02
    kappa: float = 0.04
    kappas: tuple[float, ...] = (0.03, 0.04, 0.05)
    seed: int = 0
    quick: bool = False
    weights: Mapping[str, Path] = field(default_factory=dict)
    probe_samples: int | None = None
    train_samples: int | None = None
    epochs: int | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        check_choice(self.data, PRESETS, "data")
        _check_names(self.networks, networks_for(self.data), f"network (for {self.data!r})")
        _check_root(self.data, self.root)
        _check_whole("samples", self.samples, 2)
        _check_whole("n_players", self.n_players, 2, MOST_PLAYERS)
        _check_whole("draws", self.draws, 2)
        _check_whole("seed", self.seed, 0)
        for name in ("probe_samples", "train_samples"):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), 10)
        if self.epochs is not None:
            _check_whole("epochs", self.epochs, 1)
        check_choice(self.precision, PRECISIONS, "precision")
        _check_positive("sigma", self.sigma)
        for kappa in (self.kappa, *self.kappas):
            if not 0 <= kappa < 1:
                raise InputError(f"kappa={kappa!r} must be at least 0 and less than 1")
        if self.kappas and self.kappa not in self.kappas:
            raise InputError(f"kappas={self.kappas} must hold kappa={self.kappa}, which the others are compared with")
        for name in self.weights:
            check_choice(name, self.networks, "weights for the network")

    def to_json(self) -> dict[str, Any]:
        """The settings without folders, which say where things lie and decide no number."""
        found = asdict(self)
        del found["root"]
        return found | {
            "networks": list(self.networks),
            "kappas": list(self.kappas),
            "weights": sorted(self.weights),
        }

    @property
    def command(self) -> str:
        """The command that asks for the same, with DIR and FILE for the places of data and weights."""
        usual = layerwise_settings(None, self.data, root=self.root, quick=self.quick)
        words = ["layerlore study layerwise --networks", *self.networks, "--data", self.data]
        words += [] if self.root is None else ["--root DIR"]
        words += ["--quick"] * self.quick
        words += [f"--weights {name}=FILE" for name in sorted(self.weights)]
        for name in LAYERWISE_OPTIONS:
            words += _changed(name, getattr(self, name), getattr(usual, name))
        if self.kappas != usual.kappas:
            words += ["--kappas", *(f"{kappa:g}" for kappa in self.kappas)]
        return " ".join(words)


@dataclass(frozen=True)
class WeightscaleSettings:
    """All that decides the numbers of a weightscale study. Made by `weightscale_settings`.

    Attributes:
        networks: names in the zoo, each once.
        data: names of the data sets, each once.
        roots: folder of the files of each; those that need none are left out.
        epochs: of each training; one snapshot at the end of each.
        batch_size: samples in a step.
        seeds: trainings of each network on each data set, seeded 0, 1, ...
        optimiser: ``"adam"`` or ``"sgd"``.
        learning_rate: constant.
        train_samples: training samples that networks see; None takes all.
        quick: whether recipes are to take minutes on two cores.
        precision: of the training, ``"float32"`` or ``"bfloat16"``, see `layerlore.zoo.train`.
    """

    networks: tuple[str, ...]
    data: tuple[str, ...]
    roots: Mapping[str, Path]
    epochs: int = 25
    batch_size: int = 128
    seeds: int = 3
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    train_samples: int | None = None
    quick: bool = False
    precision: str = "float32"

    def __post_init__(self) -> None:
        _check_names(self.data, IMAGES, "data")
        _check_names(self.networks, IMAGE_NETWORKS, "network")
        for name in self.data:
            _check_root(name, self.roots.get(name))
        for name in self.roots:
            check_choice(name, self.data, "root for the data")
        _check_whole("epochs", self.epochs, 3)
        _check_whole("batch_size", self.batch_size, 1)
        _check_whole("seeds", self.seeds, 1)
        if self.train_samples is not None:
            _check_whole("train_samples", self.train_samples, 10)
        check_choice(self.optimiser, OPTIMISERS, "optimiser")
        _check_positive("learning_rate", self.learning_rate)
        check_choice(self.precision, PRECISIONS, "precision")

    def to_json(self) -> dict[str, Any]:
        """The settings without folders, which say where things lie and decide no number."""
        found = asdict(self)
        del found["roots"]
        return found | {"networks": list(self.networks), "data": list(self.data)}

    @property
    def command(self) -> str:
        """The command that asks for the same, with DIR for the folder of the data."""
        usual = weightscale_settings(roots=self.roots, data=self.data, quick=self.quick)
        words = ["layerlore study weightscale --networks", *self.networks, "--data", *self.data]
        words += ["--root DIR"] if self.roots else []
        words += ["--quick"] * self.quick
        for name in ("epochs", "batch_size", "seeds", "optimiser", "learning_rate", "train_samples", "precision"):
            words += _changed(name, getattr(self, name), getattr(usual, name))
        return " ".join(words)


def layerwise_settings(
    networks: Sequence[str] | None, data: str, *, root: Path | str | None = None, quick: bool = False, **changes: Any
) -> LayerwiseSettings:
    """The settings of the papers for a data set, or quick ones, with changes.

    Args:
        networks: names in the zoo; None takes those of the preset.
        data: name of the data set.
        root: folder of its files, or one that holds a folder of its name.
        quick: few samples and players, for two cores and minutes.
        **changes: other fields of `LayerwiseSettings`; None leaves them as they are.

    Raises:
        InputError: a name is unknown, with the closest that is not; or a number is out of range.
    """
    check_choice(data, PRESETS, "data")
    preset = PRESETS[data]
    chosen: dict[str, Any] = {"samples": preset.samples, "n_players": preset.n_players}
    if quick:
        chosen |= {"samples": preset.quick_samples, "n_players": preset.quick_players, "draws": 4}
        chosen |= {"train_samples": preset.quick_train, "probe_samples": 1000}
    changes = {name: value for name, value in changes.items() if value is not None}
    for name in changes:
        check_choice(name, LayerwiseSettings.__dataclass_fields__, "setting")
    if networks is None:
        networks = preset.quick_networks if quick else preset.networks
    kappa = changes.get("kappa", 0.04)
    if "kappas" not in changes and kappa != 0.04:
        chosen["kappas"] = tuple(round(kappa * step, 10) for step in (0.75, 1.0, 1.25))
    found = data_root(data, None if root is None else Path(root), alone=True)
    return LayerwiseSettings(
        **(chosen | changes | {"networks": tuple(networks), "data": data}), root=found, quick=quick
    )


def weightscale_settings(
    networks: Sequence[str] | None = None,
    data: Sequence[str] = ("cifar10", "cifar100"),
    *,
    roots: Mapping[str, Path] | None = None,
    root: Path | str | None = None,
    quick: bool = False,
    **changes: Any,
) -> WeightscaleSettings:
    """The settings of the papers, or quick ones, with changes.

    Args:
        networks: names in the zoo; None takes a ResNet and VGG-19 with batch norm.
        data: names of the data sets.
        roots: folder of the files of each.
        root: instead, one folder that holds a folder of each name.
        quick: few epochs, seeds and samples, for two cores and minutes.
        **changes: other fields of `WeightscaleSettings`; None leaves them as they are.

    Raises:
        InputError: as `layerwise_settings`.
    """
    _check_names(tuple(data), IMAGES, "data")
    chosen: dict[str, Any] = {"epochs": 5, "seeds": 2, "train_samples": 1000} if quick else {}
    changes = {name: value for name, value in changes.items() if value is not None}
    for name in changes:
        check_choice(name, WeightscaleSettings.__dataclass_fields__, "setting")
    if networks is None:
        networks = ("resnet20",) if quick else ("resnet20", "vgg19_bn")
    if roots is None:
        whole = None if root is None else Path(root)
        places = {name: data_root(name, whole, alone=len(data) == 1) for name in data}
        roots = {name: place for name, place in places.items() if place is not None}
    chosen |= changes | {"networks": tuple(networks), "data": tuple(data)}
    return WeightscaleSettings(**chosen, roots=dict(roots), quick=quick)


def data_root(name: str, root: Path | None, *, alone: bool) -> Path | None:
    """The folder of one data set: the one of its name in ``root`` where there is one, else ``root`` itself.

    Args:
        name: of the data set.
        root: as given; None where it was not.
        alone: whether this is the only data set, so that ``root`` can be its own folder.
    """
    if name in BUNDLED or root is None:
        return None
    inside = root / name
    return inside if inside.is_dir() or not alone else root


def _changed(name: str, value: object, usual: object) -> list[str]:
    if value == usual or value is None:
        return []
    return ["--" + name.replace("_", "-"), f"{value:g}" if isinstance(value, float) else str(value)]


def _check_names(names: tuple[str, ...], known: Sequence[str], what: str) -> None:
    if not names:
        raise InputError(f"no {what} was named: name at least one of {', '.join(known)}")
    for name in names:
        library, colon, its_name = name.partition(":")
        if colon and its_name and library in LIBRARIES:
            continue
        check_choice(name, known, what)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{what}={twice!r} was named twice: name each once")


def _check_root(name: str, root: Path | None) -> None:
    if name in BUNDLED:
        return
    if root is None:
        raise InputError(f"the data set {name!r} is read from files: set root to the folder that holds them")
    if not root.is_dir():
        raise InputError(f"root={str(root)!r} is no folder: {name!r} is read from the files in it")


def _check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        top = "" if most is None else f" and at most {most}"
        raise InputError(f"{name}={value!r} must be a whole number, at least {least}{top}")


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise InputError(f"{name}={value!r} must be a positive number")
