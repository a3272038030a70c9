"""Names of networks as names of files."""

from __future__ import annotations

import re


def plain_name(name: str) -> str:
    """A name as part of a file name, whatever its letters.

    >>> plain_name("timm:convnext/tiny ratios")
    'timm_convnext_tiny_ratios'
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("._") or "figure"
