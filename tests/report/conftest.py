"""The tiny runs as fixtures, each made once."""

import pytest

from layerlore.report.page import render
from report.reading import read
from report.tiny import tiny


@pytest.fixture(scope="session")
def knowledge():
    return tiny("table")


@pytest.fixture(scope="session")
def hostile():
    return tiny("hostile")


@pytest.fixture(scope="session")
def page(knowledge):
    return read(render(knowledge))


@pytest.fixture(scope="session")
def hostile_page(hostile):
    return render(hostile)
