"""The reference says something about everything that is public."""

import importlib
import inspect
import re
from typing import Any

import pytest

from reference.doc_pages import ROOT

PACKAGES = ("layerlore", "layerlore.figures", "layerlore.figures.printed", "layerlore.players", "layerlore.dynamics")
PACKAGES += ("layerlore.probes", "layerlore.zoo", "layerlore.report", "layerlore.app")
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in sorted(ROOT.glob("docs/reference/*.md")))
NAMED = re.findall(r"^::: ([\w.]+)$", TEXT, re.MULTILINE)
pytestmark = pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*")


def found(path: str) -> Any:
    """What a dotted name means: the longest module that there is, and attributes from there."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if not ".".join(parts).startswith(str(error.name)):
                raise
            continue
        try:
            for name in parts[end:]:
                thing = getattr(thing, name)
        except AttributeError:
            continue
        return thing
    raise AssertionError(f"{path} does not exist")


def test_what_the_reference_names_exists_once_and_has_a_docstring():
    assert len(NAMED) == len(set(NAMED))
    for package in ("lightning", "transformers", "dash"):
        pytest.importorskip(package)
    for path in NAMED:
        thing = found(path)
        assert inspect.isfunction(thing) or inspect.isclass(thing), path
        assert inspect.getdoc(thing), path


@pytest.mark.parametrize("package", PACKAGES)
def test_all_public_names_are_in_the_reference(package):
    for needed in ("lightning", "transformers", "dash"):
        pytest.importorskip(needed)
    described = [found(path) for path in NAMED]
    module = importlib.import_module(package)
    missing = []
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            if not any(thing is other for other in described):
                missing.append(name)
        elif name != "__version__" and not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", TEXT):
            missing.append(name)  # constants and types are said in words
    assert missing == []


def test_a_name_that_does_not_exist_is_found():
    with pytest.raises(AssertionError, match=r"layerlore\.figures\.no_such_figure"):
        found("layerlore.figures.no_such_figure")
