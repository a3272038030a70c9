"""One small page that links the reports of several networks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from layerlore.cli.report import PAGE

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .8rem .4rem 0;"
    "border-bottom:1px solid #ccc}"
)


def index_page(titles: Mapping[str, str], accuracies: Mapping[str, float]) -> str:
    """HTML that needs no other file.

    Args:
        titles: of the networks, by the folder of their run.
        accuracies: on test data, in [0, 1].
    """
    rows = "\n".join(
        f'<tr><td><a href="{quote(name)}/{PAGE}">{escape(title)}</a></td><td>{100 * accuracies[name]:.1f} %</td></tr>'
        for name, title in titles.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>LayerLore demo</title><style>{STYLE}</style></head>
<body>
<h1>LayerLore demo</h1>
<p>What the layers of two small networks know about handwritten digits: one report each.</p>
<table>
<thead><tr><th scope="col">report</th><th scope="col">test accuracy</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
