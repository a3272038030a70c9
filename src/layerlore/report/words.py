"""Numbers as a reader meets them; beside each stands the exact value, in a ``<data>`` element."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

UNDEFINED = "undefined"


def percent(value: float, digits: int = 0) -> str:
    """A share in percent, without its sign.

    >>> percent(0.8249), percent(0.00314, 1), percent(float("nan"))
    ('82', '0.3', 'undefined')
    """
    return f"{100 * value:.{digits}f}" if math.isfinite(value) else UNDEFINED


def exact(value: float, shown: str) -> Markup:
    """What is shown, with the value in full for machines.

    >>> print(exact(0.25, "25 %"))
    <data value="0.25">25 %</data>
    """
    from markupsafe import Markup  # comes with jinja2, optional

    return Markup('<data value="{}">{}</data>').format(repr(float(value)), shown)


def share(value: float, digits: int = 0) -> Markup:
    """A share as ``82 %``; ``undefined`` where it is NaN."""
    return exact(value, f"{percent(value, digits)}\N{NO-BREAK SPACE}%" if math.isfinite(value) else UNDEFINED)


def share_between(low: float, high: float, digits: int = 0) -> Markup:
    """Ends of an interval of shares, ``[78, 86]``; nothing where they are NaN."""
    from markupsafe import Markup  # likewise

    if not (math.isfinite(low) and math.isfinite(high)):
        return Markup("")
    ends = (exact(end, percent(end, digits)) for end in (low, high))
    return Markup("[{},\N{NO-BREAK SPACE}{}]").format(*ends)


def number(value: float, digits: int = 1) -> Markup:
    """A number with some decimals; ``undefined`` where it is NaN."""
    return exact(value, f"{value:.{digits}f}" if math.isfinite(value) else UNDEFINED)


def significant(value: float, digits: int = 3) -> Markup:
    """A number with some significant digits; ``undefined`` where it is NaN.

    >>> print(significant(0.0123456))
    <data value="0.0123456">0.0123</data>
    """
    return exact(value, f"{value:.{digits}g}" if math.isfinite(value) else UNDEFINED)


def sentence(words: str) -> str:
    """Words that begin a sentence.

    >>> sentence("rotation, radians")
    'Rotation, radians'
    """
    return words[:1].upper() + words[1:]


def setting(value: object) -> str:
    """A setting of a run in one line.

    >>> setting({"players": "ImagePatches", "size": [2, 2], "within": None})
    'players: ImagePatches, size: [2, 2], within: none'
    """
    if isinstance(value, dict):
        return ", ".join(f"{key}: {setting(entry)}" for key, entry in value.items())
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
