"""Every `layerlore …` that a page tells its readers to type exists, with the options it is given."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from reference.doc_pages import ROOT, blocks

typer = pytest.importorskip("typer")
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("src/**/README.md")]


def commands(page: Path) -> list[list[str]]:
    """The words after `layerlore` of each command in the page's blocks of bash."""
    found = []
    for block in blocks(page):
        if block.language == "bash":
            for line in block.code.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["layerlore"]:
                    found.append(words[1:])
    return found


def check(words: list[str]) -> None:
    """Parse the words as the application does, without running anything."""
    from typer.main import get_command

    from layerlore.cli.app import app

    command: Any = get_command(app)
    name = "layerlore"
    while hasattr(command, "commands"):
        assert words, f"{name} needs a subcommand"
        assert words[0] in command.commands, f"{name} has no subcommand {words[0]!r}"
        name, command, words = words[0], command.commands[words[0]], words[1:]
    command.make_context(name, list(words))


FOUND = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize(("page", "words"), FOUND, ids=lambda part: part if isinstance(part, str) else " ".join(part))
def test_a_command_exists(page, words):
    check(words)


def test_there_are_commands_of_most_kinds():
    assert {words[0] for _, words in FOUND} >= {
        "demo",
        "explain",
        "series",
        "trends",
        "report",
        "show",
        "serve",
        "study",
    }


@pytest.mark.parametrize(
    "line", ["layerlore explian x.yaml", "layerlore report x --no-such", "layerlore demo --samples x"]
)
def test_what_does_not_exist_is_found(tmp_path, line):
    page = tmp_path / "page.md"
    page.write_text(f"```bash\n{line}   # words\n```\n")
    (words,) = commands(page)
    # Typer brings a copy of click, whose classes have the same names.
    with pytest.raises(Exception, match=r"explian|--no-such|valid integer") as found:
        check(words)
    assert found.type.__name__ in ("AssertionError", "NoSuchOption", "BadParameter")


def test_the_two_commands_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (block,) = [b for b in blocks(ROOT / "README.md") if b.language == "bash" and b.code.startswith("make ")]
    targets = [line.split()[1] for line in block.code.splitlines()]
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)
