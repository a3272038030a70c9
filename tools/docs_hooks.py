"""What mkdocs does beside its own: the folders' own README pages join the site, and links between them lead there.

A page of the repository that is no page of the site (a script, the licence) keeps its words and loses its link.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
INSIDE = (
    {
        f"inside/{'_'.join(path.parent.relative_to(ROOT / 'src/layerlore').parts)}.md": path.relative_to(
            ROOT
        ).as_posix()
        for path in sorted(ROOT.glob("src/layerlore/**/README.md"))
    }
    | {"inside/benchmarks.md": "benchmarks/README.md"}
    | {"inside/contributing.md": "CONTRIBUTING.md", "inside/changes.md": "CHANGELOG.md"}
)
WORKED = {
    f"worked/{path.parent.name}.md": path.relative_to(ROOT).as_posix()
    for path in sorted(ROOT.glob("examples/*/README.md"))
}
BROUGHT = INSIDE | WORKED
"""Pages of the site that lie elsewhere in the repository."""
SITE_OF = {source: page for page, source in BROUGHT.items()} | {"README.md": "index.md"}
COMMANDS = "[[commands]]"
"""Stands on a page where the help of all subcommands is to go."""
WIDTH = 92
"""Letters in a line of help: what fits beside the menus."""
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Put the studies and the pages that lie elsewhere into the menu, so that a new one needs no other line."""
    studies = sorted(path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/studies/*/study.md"))
    config.nav += [
        {"Studies": ["studies/README.md", *({title_of(f"docs/{page}"): page} for page in studies)]},
        {"Inside": [{titled(page): page} for page in INSIDE]},
        {"Worked examples": [{title_of(source): page} for page, source in WORKED.items()]},
    ]
    return config


def titled(page: str) -> str:
    """What the menu calls a page of a folder.

    >>> titled("inside/zoo_data.md")
    'Zoo: data'
    """
    return PurePosixPath(page).stem.replace("_", ": ").capitalize()


def title_of(source: str) -> str:
    """The first heading of a file of the repository."""
    return (ROOT / source).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def on_files(files: Files, config: Any) -> Files:
    """Bring in the pages that lie elsewhere."""
    for page, source in BROUGHT.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:  # noqa: ARG001 (mkdocs' signature)
    """Turn links to files of the repository into links to pages of the site."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, help_of_all())
    source = PurePosixPath(Path(page.file.abs_src_path).resolve().relative_to(ROOT).as_posix())
    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lambda found: rewritten(found, source, page.file.src_uri), part) for part in parts[::2]]
    return "".join(parts)


def help_of_all() -> str:
    """The help of every subcommand, as blocks of text, from the application itself."""
    from typer.main import get_command
    from typer.testing import CliRunner

    from layerlore.cli.app import app

    parts = []
    for words in subcommands(get_command(app)):
        said = CliRunner().invoke(app, [*words, "--help"], prog_name="layerlore", terminal_width=WIDTH)
        name = " ".join(["layerlore", *words])
        parts.append(f"## {name}\n\n```text\n{said.output.strip()}\n```\n")
    return "\n".join(parts)


def subcommands(command: Any, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of a command and of all below it."""
    below = getattr(command, "commands", {})
    return [words, *(found for name in below for found in subcommands(below[name], (*words, name)))]


def rewritten(link: re.Match[str], source: PurePosixPath, page: str) -> str:
    """One link, as it has to be on the page.

    Args:
        link: its words, and where it leads from the file.
        source: the file, from the repository's root.
        page: its place in the site.
    """
    words, target = link.groups()
    if ":" in target or target.startswith("#"):
        return link.group()
    path, _, anchor = target.partition("#")
    aim = os.path.normpath(source.parent / path)
    place = aim.removeprefix("docs/") if aim.startswith("docs/") else SITE_OF.get(aim)
    if place is None:
        return words
    there = os.path.relpath(place, PurePosixPath(page).parent)
    return f"[{words}]({there}{'#' + anchor if anchor else ''})"
