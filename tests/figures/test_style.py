"""Names are inert, axes readable, and plotly is asked for by name where it is missing."""

import sys

import pytest

from layerlore.errors import MissingExtraError
from layerlore.figures.style import depth_colour, graph_objects, layer_axis, shortened, spread


def test_layers_with_equal_short_names_keep_their_own_places():
    names = [f"encoder.layer.{number}.with.a.very.long.name.output" for number in range(3)]
    axis = layer_axis(names)
    assert axis["tickvals"] == [0, 1, 2]
    assert len(set(axis["ticktext"])) == 1


def test_at_most_sixteen_names_stand_at_an_axis():
    axis = layer_axis([f"layer{number}" for number in range(100)])
    assert len(axis["tickvals"]) == 16
    assert (axis["ticktext"][0], axis["ticktext"][-1]) == ("layer0", "layer99")


def test_names_at_an_axis_are_inert():
    assert layer_axis(["<a href='x'>"])["ticktext"] == ["&lt;a href='x'&gt;"]


@pytest.mark.parametrize("longest", [5, 6, 22])
def test_shortened_names_have_the_length_asked_for(longest):
    name = "abcdefghijklmnopqrstuvwxyz"
    assert len(shortened(name, longest)) == longest
    assert shortened(name, longest).endswith("z")
    assert shortened(name[:longest], longest) == name[:longest]


def test_spread_keeps_the_ends_and_repeats_nothing():
    for count in range(1, 40):
        found = spread(count, 7)
        assert (found[0], found[-1], len(found)) == (0, count - 1, min(count, 7))
        assert len(set(found)) == len(found)


def test_layers_have_colours_of_their_own():
    assert len({depth_colour(depth, 8) for depth in range(8)}) == 8


def test_missing_plotly_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'plotly'.*layerlore\[report\]"):
        graph_objects()
