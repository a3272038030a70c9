"""`layerlore study`: the papers' studies, run again, with a verdict on each claim."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from layerlore.cli.fitting import FittedTable
from layerlore.cli.options import AsJson
from layerlore.cli.report import write_report
from layerlore.cli.tables import plain_table, show
from layerlore.engines import Progress, progress_bars
from layerlore.errors import InputError
from layerlore.zoo.studies.settings import (
    LayerwiseSettings,
    WeightscaleSettings,
    layerwise_settings,
    weightscale_settings,
)

if TYPE_CHECKING:
    from layerlore.zoo.studies.result import Study


class SeveralWords(TyperCommand):
    """Takes all words after an option that may be repeated: ``--data cifar10 cifar100``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat such an option for each of its words."""
        several = {
            name for param in self.params if getattr(param, "multiple", False) for name in getattr(param, "opts", ())
        }
        return super().parse_args(ctx, repeated(args, several))


def repeated(args: Sequence[str], several: set[str]) -> list[str]:
    """Words after an option, each with the option before it.

    >>> repeated(["--data", "a", "b", "--quick"], {"--data"})
    ['--data', 'a', '--data', 'b', '--quick']
    """
    found: list[str] = []
    option, taken = "", False
    for word in args:
        if word.startswith("--"):
            option, taken = (word if word in several else ""), False
        elif option and taken:
            found.append(option)
        taken = bool(option) and not word.startswith("--")
        found.append(word)
    return found


Networks = Annotated[
    list[str] | None,
    typer.Option("--networks", "--network", help="Networks of the zoo; those of the paper if left out."),
]
Root = Annotated[
    Path | None, typer.Option(help="Folder of the data files, or of one folder for each data set.", show_default=False)
]
Out = Annotated[Path | None, typer.Option(help="Folder of the study; runs/STUDY_DATA if left out.", show_default=False)]
Quick = Annotated[bool, typer.Option("--quick", help="A small version: minutes on two cores.")]
TrainSamples = Annotated[
    int | None, typer.Option(help="Training samples that networks see; all if left out.", show_default=False)
]
Precision = Annotated[
    str | None, typer.Option(help="Of training: float32, or bfloat16 for less time on a GPU.", show_default=False)
]

study = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Run a paper's study again: train, measure, and say of each claim whether it holds.

\b
  layerlore study layerwise     what each layer knows (Cheng et al. 2024)
  layerlore study weightscale   how much each layer changes in training (Agrawal et al. 2021)

A study writes a folder: the weights and runs of its networks, study.json with every claim, its number, interval, test
and verdict, and a page for the browser. The same command again goes on where it was stopped. Without --quick the
settings are those of the papers, and take hours on a GPU.""",
)


@study.command(cls=SeveralWords, short_help="What each layer knows (Cheng et al. 2024).")
def layerwise(
    data: Annotated[
        str, typer.Option(help="digits, mnist, fashion_mnist, cifar10, cifar100, svhn, sst2 or census.", metavar="NAME")
    ],
    networks: Networks = None,
    root: Root = None,
    out: Out = None,
    quick: Quick = False,
    weights: Annotated[
        list[str] | None,
        typer.Option(metavar="[NETWORK=]FILE", help="Trained weights, instead of training.", show_default=False),
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Test samples to explain.", show_default=False)] = None,
    n_players: Annotated[
        int | None, typer.Option(help="Players of each sample; 2**players masked inputs each.", show_default=False)
    ] = None,
    draws: Annotated[int | None, typer.Option(help="Noisy copies for the stability.", show_default=False)] = None,
    sigma: Annotated[float | None, typer.Option(help="Deviation of that noise.", show_default=False)] = None,
    kappa: Annotated[float | None, typer.Option(help="Tolerance of the splits.", show_default=False)] = None,
    kappas: Annotated[
        list[float] | None, typer.Option(help="Tolerances to compare, that one among them.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is drawn; 0 if left out.", show_default=False)] = None,
    probe_samples: Annotated[
        int | None, typer.Option(help="Training samples that probes see; all if left out.", show_default=False)
    ] = None,
    train_samples: TrainSamples = None,
    epochs: Annotated[
        int | None, typer.Option(help="Of each training, instead of the recipe's.", show_default=False)
    ] = None,
    precision: Precision = None,
    as_json: AsJson = False,
) -> None:
    """Train networks, explain every layer, and test what Cheng et al. 2024 claim about them.

    For each network: linear probes on all layers, AND and OR interactions of test samples, what each layer shares with
    the output and what is forgotten, stability under noise, and other tolerances of the splits. Between networks: which
    interactions they agree on. Every claim gets a number with an interval, a test, and a verdict.

    \b
    Examples:
      layerlore study layerwise --data digits --quick
      layerlore study layerwise --network resnet20 --data cifar10 --root DIR
      layerlore study layerwise --networks mlp7 vgg11 resnet20 --data mnist --root DIR --samples 20
      layerlore study layerwise --network resnet20 --data cifar10 --root DIR --weights resnet20.safetensors
    """  # noqa: D301 (see app.py)
    settings = layerwise_settings(
        networks or None,
        data,
        root=root,
        quick=quick,
        samples=samples,
        n_players=n_players,
        draws=draws,
        sigma=sigma,
        kappa=kappa,
        kappas=tuple(kappas) if kappas else None,
        seed=seed,
        probe_samples=probe_samples,
        train_samples=train_samples,
        epochs=epochs,
        precision=precision,
        weights=weights_of(weights or [], networks or []),
    )

    def run(settings: LayerwiseSettings, out: Path, progress: Progress) -> Study:
        from layerlore.zoo.studies import layerwise

        return layerwise.run(settings, out, progress)

    conduct(run, settings, out or Path("runs") / f"layerwise_{data}", as_json)


@study.command(cls=SeveralWords, short_help="How much each layer changes in training (Agrawal et al. 2021).")
def weightscale(
    networks: Networks = None,
    data: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Data sets; cifar10 and cifar100 if left out.")
    ] = None,
    root: Root = None,
    out: Out = None,
    quick: Quick = False,
    epochs: Annotated[int | None, typer.Option(help="Of each training; 25 if left out.", show_default=False)] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Trainings of each network on each data set; 3.", show_default=False)
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a step; 128.", show_default=False)] = None,
    optimiser: Annotated[str | None, typer.Option(help="adam or sgd; adam if left out.", show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Constant; 0.001.", show_default=False)] = None,
    train_samples: TrainSamples = None,
    precision: Precision = None,
    as_json: AsJson = False,
) -> None:
    """Train networks on an easier and a harder data set, watch every weight, and test what Agrawal et al. 2021 claim.

    Each network is trained with several seeds on each data set; after every epoch the change of each weight is
    recorded. Every claim gets a number with an interval over layers, a test, and a verdict.

    \b
    Examples:
      layerlore study weightscale --networks resnet20 --data digits --quick
      layerlore study weightscale --networks resnet20 vgg19_bn --data cifar10 cifar100 --root DIR
      layerlore study weightscale --network resnet20 --data cifar10 cifar100 svhn --root DIR --epochs 25 --seeds 3
    """  # noqa: D301 (see app.py)
    settings = weightscale_settings(
        networks or None,
        data or ("cifar10", "cifar100"),
        root=root,
        quick=quick,
        epochs=epochs,
        seeds=seeds,
        batch_size=batch_size,
        optimiser=optimiser,
        learning_rate=learning_rate,
        train_samples=train_samples,
        precision=precision,
    )

    def run(settings: WeightscaleSettings, out: Path, progress: Progress) -> Study:
        from layerlore.zoo.studies import weightscale

        return weightscale.run(settings, out, progress)

    conduct(run, settings, out or Path("runs") / f"weightscale_{'_'.join(settings.data)}", as_json)


def conduct(run: Callable[[Any, Path, Progress], Study], settings: Any, out: Path, as_json: bool) -> None:
    """Run a study and show what it found."""
    with redirect_stdout(sys.stderr) if as_json else nullcontext(), progress_bars() as report:
        found = run(settings, out, report)
        from layerlore.zoo.studies.page import write_page
        from layerlore.zoo.studies.pictures import draw_pictures

        # Matplotlib is an extra of its own: without it the pages have no pictures for print.
        pictures = draw_pictures(found) if find_spec("matplotlib") else ()
        write_page(found, pictures)
    # The study's page links to those of its runs, so they come first.
    for run_folder in runs_of(found, out):
        write_report(run_folder)
    page = write_report(out)
    if as_json:
        print(json.dumps(found.to_json() | {"path": str(out)}, allow_nan=False))
        return
    show(
        *[_accuracy(entry) for entry in found.networks if entry.get("accuracy") is not None],
        claims_table(found),
        *[f"note: {note}" for note in found.notes],
        f"study: {out}",
        f"report: {page}",
    )


def runs_of(found: Study, out: Path) -> list[Path]:
    """Folders of the runs that a study holds."""
    names = [str(entry[key]) for entry in found.networks for key in ("run", "training") if key in entry]
    return [out / name for name in dict.fromkeys(names) if (out / name).is_dir()]


def claims_table(found: Study) -> FittedTable:
    """A line for each claim: what it says, where, our number with its interval, p after Holm, and the verdict.

    The paper's own numbers are on the pages: words as long as those would leave no room for the claims.
    """
    columns = ("claim", "network", "ours", "p", "verdict")
    rows = (
        (
            row["claim"],
            row["network"] or "all",
            row["ours"] or "-",
            row["p"].rpartition(" ")[2] or "-",
            row["verdict"].removesuffix(" at this size"),
        )
        for row in found.claims_table()
    )
    title = f"{found.study}: the claims of the paper, p after Holm over all tests"
    return plain_table(title, columns, rows, words=(0, 1), drop=("p",))


def weights_of(given: Sequence[str], networks: Sequence[str]) -> dict[str, Path] | None:
    """Files of weights by network.

    Args:
        given: ``NETWORK=FILE``, or ``FILE`` where there is one network.
        networks: that were asked for.

    Raises:
        InputError: it is not clear whose weights they are, or there is no such file.
    """
    found: dict[str, Path] = {}
    for words in given:
        name, equals, file = words.partition("=")
        if not equals:
            if len(networks) != 1:
                raise InputError(f"--weights {words}: say whose weights they are, as in --weights resnet20={words}")
            name, file = networks[0], words
        if name in found:
            raise InputError(f"--weights names {name!r} twice")
        found[name] = Path(file)
        if not found[name].is_file():
            raise InputError(f"--weights {words}: there is no file {file}")
    return found or None


def _accuracy(entry: Any) -> str:
    return f"{entry.get('title', entry['name'])}: {100 * float(entry['accuracy']):.1f} % of the test samples right"
