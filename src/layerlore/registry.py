"""The door through which results reach converters that live above them.

Imports point one way, so a result such as `Knowledge` cannot import the
integration that turns it into another library's object. It asks for the
converter by name instead, and the module is imported then and not before.
Import-linter sees static imports only: this table of strings is the one
deliberate way past its contract, and ``tests/test_contract.py`` keeps it so.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from layerlore.errors import check_choice

CONVERTERS = {"shapiq": "layerlore.integrations.shapiq:to_shapiq"}
"""Name of the other library: ``module:function`` of its converter."""


def converter(name: str) -> Callable[..., Any]:
    """The function that converts to the library ``name``.

    Args:
        name: a key of `CONVERTERS`.

    Returns:
        The function; its own docstring says what it takes and gives.

    Raises:
        InputError: no converter has that name; the closest ones are named.

    >>> converter("shapiq").__name__
    'to_shapiq'
    """
    check_choice(name, CONVERTERS, "converter")
    module, function = CONVERTERS[name].split(":")
    return getattr(importlib.import_module(module), function)
