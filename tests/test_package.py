"""What a stranger finds: a docstring on every public name, a README in every folder."""

import dataclasses
import inspect
from pathlib import Path

import pytest

import layerlore

SOURCE = Path(layerlore.__file__).parent
PUBLIC = [name for name in layerlore.__all__ if callable(getattr(layerlore, name))]


def own_docstring(thing: object) -> str:
    """What its author wrote: nothing inherited, and not the signature that a dataclass shows instead."""
    text = thing.__dict__.get("__doc__") if isinstance(thing, type) else thing.__doc__
    generated = dataclasses.is_dataclass(thing) and (text or "").startswith(f"{getattr(thing, '__name__', '')}(")
    return "" if generated else text or ""


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_docstrings(name):
    assert own_docstring(getattr(layerlore, name)), f"layerlore.{name} has no docstring of its own"


@pytest.mark.parametrize("name", [name for name in PUBLIC if isinstance(getattr(layerlore, name), type)])
def test_public_methods_have_docstrings(name):
    methods = {key: value for key, value in vars(getattr(layerlore, name)).items() if not key.startswith("_")}
    bare = [
        key
        for key, value in methods.items()
        if isinstance(value, staticmethod | classmethod | property) or inspect.isfunction(value)
        if not inspect.getdoc(value)
    ]
    assert bare == []


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_say_where_they_live(name):
    assert getattr(layerlore, name).__module__.startswith("layerlore.")


def test_every_package_has_a_readme():
    packages = sorted(path.parent for path in SOURCE.glob("*/__init__.py"))
    assert [package.name for package in packages if not (package / "README.md").is_file()] == []


def test_the_example_dataclass_without_docstring_is_seen():
    @dataclasses.dataclass
    class Bare:
        number: int

    assert own_docstring(Bare) == ""
