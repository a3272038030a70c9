"""The registry imports a converter when it is asked for, and knows no others."""

import pytest

from layerlore import registry
from layerlore.errors import InputError


@pytest.mark.parametrize("name", registry.CONVERTERS)
def test_every_converter_of_the_table_exists(name):
    function = registry.converter(name)
    assert function.__name__ == f"to_{name}"
    assert function.__module__ == f"layerlore.integrations.{name}"


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(InputError, match=r"converter='shapik' is not known; did you mean 'shapiq'\?"):
        registry.converter("shapik")
