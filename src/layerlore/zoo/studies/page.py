"""The Markdown page of a study: for the docs, and for whoever reads a study folder without a browser."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from layerlore.errors import InputError
from layerlore.storage import write_text
from layerlore.zoo.studies.pictures import Picture
from layerlore.zoo.studies.result import Study, in_words, p_in_words
from layerlore.zoo.studies.verdict import FAILS, OPEN, RULE, VERDICTS, Claim

FILE = "study.md"
TITLES = {
    "layerwise": "Layerwise change of knowledge",
    "weightscale": "Weight change through training",
}
PLACED = ("name", "title", "accuracy", "run", "training", "stability", "by_kappa", "and_only", "probes")
LONGEST_LIST = 12
"""Entries of a network that are no column of the table of networks, or have one of their own."""


def study_markdown(study: Study, pictures: Sequence[Picture] = (), *, title: str | None = None, base: str = "") -> str:
    """The page as text; the same study gives the same text.

    Args:
        study: the result.
        pictures: to show.
        title: of the page; None makes one of the study and its data.
        base: what relative places of the study are put after, such as ``"resnet20"`` for a page beside that folder.
    """
    name = str(study.data.get("title", study.data.get("name", ""))) if isinstance(study.data, Mapping) else ""
    heading = title or TITLES.get(study.study, study.study) + (f": {name}" if name else "")
    parts = [f"# {_text(heading)}", "```\n" + study.command.replace("`", "'") + "\n```"]
    if study.notes:
        parts += ["## Read this first", _list(study.notes)]
    parts += [_in_short(study), "## The claims", f"{RULE} {_n_tests(study)} tests were made.", _claims(study.claims)]
    parts += _not_reproduced(study.claims)
    parts += ["## Networks", _networks(study.networks)]
    if pictures:
        parts.append("## Figures")
        parts += [f"![{_text(picture.caption)}]({_address(base, picture.file)})" for picture in pictures]
    parts += ["## What was run", _table(("setting", "value"), _settings(study))]
    return "\n\n".join(parts) + "\n"


def write_page(study: Study, pictures: Sequence[Picture] = (), path: Path | str | None = None) -> Path:
    """Write the page; in the study folder as ``study.md``, or anywhere, with links that fit.

    Args:
        study: saved or loaded.
        pictures: to show.
        path: of the page; None takes the study folder.

    Raises:
        InputError: the study lives in memory, and no path is given.
        RunError: the file could not be written.
    """
    if path is None and study.path is None:
        raise InputError("this study lives in memory and has no folder: save it first, or pass path=")
    path = Path(path) if path is not None else Path(study.path or "") / FILE
    base = "" if study.path is None else Path(os.path.relpath(study.path, path.parent)).as_posix()
    write_text(path, study_markdown(study, pictures, base="" if base == "." else base))
    return path


def _in_short(study: Study) -> str:
    counts = ", ".join(f"{study.count(verdict)} {verdict}" for verdict in VERDICTS)
    return f"Of {len(study.claims)} claims: {counts}."


def _n_tests(study: Study) -> int:
    return sum(bool(np.isfinite(claim.p_value)) for claim in study.claims)


def _claims(claims: Iterable[Claim]) -> str:
    columns = ("claim", "network", "ours", "paper", "verdict", "p → after Holm", "n", "test")
    rows = [
        (
            claim.text,
            claim.network or "all",
            (f"{in_words(claim)} ({claim.unit})" if claim.unit else in_words(claim)) if in_words(claim) else "none",
            claim.paper or "no number",
            f"**{claim.verdict}**",
            p_in_words(claim) or "no test",
            str(claim.n or ""),
            claim.test,
        )
        for claim in claims
    ]
    return _table(columns, rows)


def _not_reproduced(claims: Sequence[Claim]) -> list[str]:
    failed = [claim for claim in claims if claim.verdict == FAILS]
    unknown = [claim for claim in claims if claim.verdict == OPEN]
    parts = ["## What does not reproduce"]
    if failed:
        parts.append(_list(_sentence(claim) for claim in failed))
    else:
        parts.append("No claim that could be decided came out on the other side.")
    if unknown:
        parts += ["What could not be decided:", _list(_sentence(claim) for claim in unknown)]
    return parts


def _sentence(claim: Claim) -> str:
    where = f" ({claim.network})" if claim.network else ""
    return f"{claim.text}{where}. {claim.why}"


def _networks(networks: Sequence[Mapping[str, Any]]) -> str:
    more = [key for key in dict.fromkeys(key for entry in networks for key in entry) if key not in PLACED]
    rows = []
    for entry in networks:
        accuracy = entry.get("accuracy")
        share = "" if accuracy is None else f"{100 * float(accuracy):.1f} %"
        rows.append((entry.get("title", entry["name"]), share, *(_cell(entry.get(key)) for key in more)))
    return _table(("network", "test accuracy", *(key.replace("_", " ") for key in more)), rows)


def _settings(study: Study) -> list[tuple[str, str]]:
    rows = [(f"data: {key}", _cell(value)) for key, value in study.data.items()]
    rows += [(key.replace("_", " "), _cell(value)) for key, value in study.settings.items()]
    versions = ", ".join(f"{name} {version}" for name, version in study.versions.items())
    return [*rows, ("versions", versions)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_cell(entry)}" for key, entry in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = value if len(value) <= LONGEST_LIST else [f"{len(value)}: {_cell(value[0])}", _cell(value[1]), "..."]
        return ", ".join(_cell(entry) for entry in shown)
    return str(value)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(_text(str(cell), in_table=True) if place != 1 else str(cell) for cell in line) + " |"
        for place, line in enumerate(lines)
    )


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {_text(item)}" for item in items)


def _text(words: str, in_table: bool = False) -> str:
    """Names from models and data stay words: no markup, no line breaks, no cells of their own."""
    words = " ".join(words.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    words = words.replace("](", "]\\(").replace("`", "\\`")
    return words.replace("|", "\\|") if in_table else words


def _address(base: str, file: str) -> str:
    return quote(f"{base}/{file}" if base else file, safe="/.")
