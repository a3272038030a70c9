"""`layerlore demo`: two small networks, watched while they train and explained afterwards."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, cast

import torch
import typer
from safetensors.torch import load_file, save
from torch import nn

import layerlore as ll
from layerlore.cli.explain import one_bar
from layerlore.cli.index import index_page
from layerlore.cli.report import write_report
from layerlore.cli.samples import drawn
from layerlore.cli.tables import certificate, ledger_table, show
from layerlore.cli.training_tables import changes_table, line_words, trends_lines, trends_table
from layerlore.dynamics.tracker import WeightTracker
from layerlore.dynamics.trends.result import FILE as TRENDS
from layerlore.engines import progress_bars
from layerlore.errors import RunError, missing_extra
from layerlore.report.found import found_trends
from layerlore.report.frame import PAGE
from layerlore.storage import MANIFEST, write_bytes, write_json, write_text
from layerlore.zoo import DataSets, accuracy, load_data, mlp7, small_resnet, train

PATCH = 2
SETTINGS = "demo.json"


@dataclass(frozen=True)
class Network:
    """A network of the demo: what it is, what makes it, and for how long it is trained."""

    title: str
    build: Callable[[], nn.Module]
    epochs: int


NETWORKS = {
    "mlp7": Network("MLP-7, width 128", lambda: mlp7(64, 10, width=128), 40),
    "small_resnet": Network("small ResNet, 3 blocks", lambda: small_resnet(10), 20),
}


@dataclass(frozen=True)
class DemoSettings:
    """All that decides the numbers of a demo."""

    samples: int
    n_players: int
    seed: int


@dataclass
class Clock:
    """Seconds spent in each phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of the block to a phase."""
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def __str__(self) -> str:
        parts = [f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items()]
        return f"time: {', '.join(parts)}, together {sum(self.seconds.values()):.1f} s"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for weights, runs and reports.")] = Path("runs/demo"),
    samples: Annotated[int, typer.Option(min=2, max=500, help="Test images to explain.")] = 20,
    n_players: Annotated[int, typer.Option(min=2, max=16, help="Patches of each image that are players.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the initial weights, the training and the samples.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Remove what an earlier demo left in the folder.")] = False,
) -> None:
    """Train two small networks on handwritten digits, and look at every layer: how it learned, and what it knows.

    No downloads: the digits come with scikit-learn. While each network trains, a tracker records how much every weight
    changes from epoch to epoch; then every layer is explained. Prints both, and writes two run folders and two HTML
    reports for each network. The same command again takes up what is there.

    \b
    Examples:
      layerlore demo
      layerlore demo --out /tmp/demo --samples 4 --n-players 8
    """  # noqa: D301 (see app.py)
    check_extras()
    settings = DemoSettings(samples, n_players, seed)
    open_folder(out, settings, force)
    clock = Clock()
    data = load_data("digits")
    accuracies = {name: study(name, out, data, settings, clock) for name in NETWORKS}
    titles = {name: NETWORKS[name].title for name in NETWORKS}
    write_text(out / PAGE, index_page(titles, accuracies))
    show(str(clock), f"all reports: {out / PAGE}")


def study(name: str, out: Path, data: DataSets, settings: DemoSettings, clock: Clock) -> float:
    """Train, probe, explain and report one network; its test accuracy."""
    network = NETWORKS[name]
    with clock.phase("training"):
        model = trained(network, out / f"{name}.safetensors", out / training_of(name), data, settings.seed)
        share = accuracy(model, data.test)
    show(f"{network.title}: {100 * share:.1f} % of the {len(data.test)} test images right\n")
    learned(network, out / training_of(name), clock)
    with clock.phase("probes"), progress_bars() as report:
        path = out / f"{name}.probes.safetensors"
        probes = ll.fit_probes(model, None, data.train, seed=settings.seed, path=path, progress=one_bar(report))
    positions = drawn(len(data.test), settings.samples, settings.seed)
    images, labels = (tensor[positions] for tensor in data.test.tensors)
    players = ll.ImagePatches(PATCH, count=settings.n_players)
    with clock.phase("explanation"):
        found = ll.explain(
            model, probes, images, labels, players=players, seed=settings.seed, run=out / name, name=network.title
        )
        knowledge = cast("ll.Knowledge", found)
        title = f"{network.title}: what the layers share with the output, {settings.samples} images"
        table = ledger_table(knowledge, title)
    with clock.phase("reports"):
        page = write_report(out / name)
    show(table, certificate(knowledge), f"run: {out / name}", f"report: {page}\n")
    return share


def learned(network: Network, run: Path, clock: Clock) -> None:
    """Say how the weights of a network changed while it trained, and which layers change alike if that can be told."""
    with clock.phase("trends"):
        history = ll.History.load(run)
        trends, why = found_trends(history)
        if trends is not None and not (run / TRENDS).exists():
            trends.save(run)
    with clock.phase("reports"):
        page = write_report(run)
    title = f"{network.title}: how the layers changed over {network.epochs} epochs of training"
    show(changes_table(history, title), line_words(history))
    if trends is None:
        show(f"no trends: {why}")
    elif trends.n_trends < 2:
        show("no trends: the layers cannot be told apart by how they change", *trends_lines(trends))
    else:
        show(trends_table(trends, history, "layers that change alike"), *trends_lines(trends))
    show(f"run: {run}", f"report: {page}\n")


def trained(network: Network, path: Path, run: Path, data: DataSets, seed: int) -> nn.Module:
    """The network with the weights at ``path``; trained first, watched into the folder ``run``, unless both are there.

    The weights are written last: a folder without them is of a training that was interrupted, and starts over.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = network.build()
    if path.exists() and run.exists():
        model.load_state_dict(load_file(path))
        return model.eval()
    path.unlink(missing_ok=True)
    _remove_run(run)
    with progress_bars() as report, WeightTracker(model, run=run, name=network.title, unit="epoch") as tracker:
        train(
            model,
            data,
            epochs=network.epochs,
            seed=seed,
            progress=lambda epoch, _accuracy: report(f"train {network.title}", epoch, network.epochs),
            tracker=tracker,
        )
    write_bytes(path, save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
    return model


def training_of(name: str) -> str:
    """Folder of the run through training of a network, beside that through depth."""
    return f"{name}_training"


def check_extras() -> None:
    """Raise before any work what would be missing at its end."""
    for module, package in (("sklearn", "scikit-learn"), ("jinja2", "jinja2"), ("plotly", "plotly")):
        if find_spec(module) is None:
            raise missing_extra(package, "demo", "the demo")


def open_folder(out: Path, settings: DemoSettings, force: bool) -> None:
    """Make the folder of a demo, or check that the one that is there has the same settings.

    Raises:
        RunError: it holds a demo with other settings, or is a file.
    """
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file: choose another --out")
    if force:
        _remove(out)
    try:
        found = json.loads((out / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:
        raise RunError(f"{out / SETTINGS} cannot be read ({error}): pass --force to start over") from None
    if found not in (None, asdict(settings)):
        raise RunError(
            f"{out} holds a demo with other settings ({found}, asked for {asdict(settings)}): choose another --out, or "
            "pass --force to start over"
        )
    if found is None:
        write_json(out / SETTINGS, asdict(settings))


def _remove_run(run: Path) -> None:
    if (run / MANIFEST).is_file():
        shutil.rmtree(run)


def _remove(out: Path) -> None:
    # Nothing but what a demo writes: the folder may hold other things.
    for name in NETWORKS:
        _remove_run(out / name)
        _remove_run(out / training_of(name))
        for file in (out / f"{name}.safetensors", out / f"{name}.probes.safetensors"):
            file.unlink(missing_ok=True)
    for file in (out / SETTINGS, out / PAGE):
        file.unlink(missing_ok=True)
