"""The code blocks of a page of documentation, run in their order, and what they print."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<ticks>```+)(?P<language>\w*)(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=ticks)[ ]*$", re.M | re.S)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else its first line says, its text, the lines it begins at and ends before."""

    language: str
    info: str
    code: str
    line: int
    end: int

    @property
    def runs(self) -> bool:
        """Whether it is run; there is no way for a page to leave a block out."""
        return self.language == "python"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        line = text.count("\n", 0, fence.start()) + 1
        end = text.count("\n", 0, fence.end()) + 2
        found.append(Block(fence["language"], fence["info"].strip(), fence["code"], line, end))
    return found


def printed_beside(page: Path) -> dict[int, Block]:
    """Blocks of ``text`` that show what the block of python above them prints, by the position of that block."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found = blocks(page)
    pairs = itertools.pairwise(found)
    return {
        place: below
        for place, (above, below) in enumerate(pairs)
        if above.runs and below.language == "text" and not "".join(lines[above.end - 1 : below.line - 1]).strip()
    }


def run(page: Path) -> dict[int, str]:
    """Run the python of a page, one namespace for all of it; what each block printed, by its position.

    The files that it writes go to the current folder.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    said = {}
    for place, block in enumerate(blocks(page)):
        if block.runs:
            out = io.StringIO()
            # Empty lines in front, so that a traceback names the line of the page.
            code = compile("\n" * block.line + block.code, str(page), "exec")
            with contextlib.redirect_stdout(out):
                exec(code, names)
            said[place] = out.getvalue()
    return said


def in_words(text: str) -> list[str]:
    """A printed text without its numbers and its spacing."""
    return NUMBER.sub("#", text).split()


def numbers(text: str) -> list[float]:
    """The numbers of a printed text."""
    return [float(number) for number in NUMBER.findall(text)]


def last_decimals(text: str) -> list[float]:
    """What one more in the last decimal of each number of a printed text would be; 0 of whole numbers.

    >>> last_decimals("3 of 0.25, 1.5e-3")
    [0.0, 0.01, 0.0001]
    """
    exponents = (int(Decimal(number).as_tuple().exponent) for number in NUMBER.findall(text))
    return [10.0**exponent if exponent < 0 else 0.0 for exponent in exponents]
