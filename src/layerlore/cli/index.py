"""One small page that links the reports of several networks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from layerlore.report.frame import PAGE

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "h2{margin:2rem 0 0;font-size:1.2rem}p,ul{margin:.4rem 0}:root{color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ea;background:#15181b}a{color:#8ab4f8}}"
)

REPORTS = (
    ("_training", "Through training", "how much every layer changed from epoch to epoch, and which layers settled."),
    (
        "",
        "Through depth",
        "what every layer knows about the digits, how much of it the output uses, what is forgotten.",
    ),
)
"""For each report: what follows the network's name in its folder, the link's words, a sentence."""


def index_page(titles: Mapping[str, str], accuracies: Mapping[str, float]) -> str:
    """HTML that needs no other file.

    Args:
        titles: of the networks, by the folder of their run through depth; that through training has the same name with
            ``_training`` behind it.
        accuracies: on test data, in [0, 1].
    """
    parts = "\n".join(_network(name, title, accuracies[name]) for name, title in titles.items())
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>LayerLore demo</title><style>{STYLE}</style></head>
<body>
<h1>LayerLore demo</h1>
<p>Two small networks learned to read handwritten digits. Two reports on each: one looks at the weights while they were
trained, the other at what the layers know afterwards.</p>
{parts}
</body>
</html>
"""


def _network(name: str, title: str, accuracy: float) -> str:
    links = "\n".join(
        f'<li><a href="{quote(name + suffix)}/{PAGE}">{words}</a>: {sentence}</li>'
        for suffix, words, sentence in REPORTS
    )
    return f"""<h2>{escape(title)}</h2>
<p>{100 * accuracy:.1f} % of the test images right.</p>
<ul>
{links}
</ul>"""
