"""The tiny run that figures are drawn from."""

import pytest

from report.tiny import tiny


@pytest.fixture(scope="session")
def knowledge():
    return tiny("table")
