"""Settings and fixtures shared by all tests."""

from collections.abc import Iterator

import jaxtyping
import pytest
import torch
from hypothesis import settings

from browser.opening import browser  # noqa: F401 (a fixture)

# The same examples everywhere, and no failure because a machine is busy.
settings.register_profile("layerlore", deadline=None, derandomize=True)
settings.load_profile("layerlore")

# Several threads in each of several test processes make small operations many times slower.
torch.set_num_threads(1)


@pytest.fixture
def without_type_checks() -> Iterator[None]:
    """As users run the library: the tests' own checks of types and shapes would answer bad input first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
