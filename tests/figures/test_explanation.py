"""One sample explained: its numbers, and pictures of an image, a sentence and a row, in both forms alike."""

import base64
import io

import numpy as np
import pytest
from matplotlib.colors import to_hex

from figures.results import WORDS, sentences, words_in
from figures.words import words_of
from layerlore.errors import InputError
from layerlore.figures import explanation, explanation_figure, printed, strongest
from layerlore.figures.explanation import GRADIENTS, SHAPLEY, Method, short_label
from layerlore.figures.explanation_row import player_labels
from layerlore.figures.pictures import image_of
from layerlore.figures.sentences import Chunk, n_lines, sentence, set_words
from layerlore.figures.style import BLUE, GREY, VERMILLION
from layerlore.figures.tinting import FADED, STRENGTH, marked, tinted
from report.tiny import tiny

GIVEN = np.random.default_rng(0).standard_normal((4, 5))


def test_values_are_those_of_the_run(knowledge):
    found = explanation(knowledge, 2, "tanh1", count=4)
    expected = knowledge.shapley().sel(sample=2, layer="tanh1")[0].values
    np.testing.assert_array_equal(found.methods[0].values, expected)
    assert found.methods[0].name == SHAPLEY
    assert found.methods[0].scale == np.abs(expected).max()
    assert found.interactions == tuple(strongest(knowledge, 2, "tanh1", count=4))
    assert found.names == ("age", "hours", "wage", "debt", "rent")


def test_each_method_has_its_own_scale_around_zero(knowledge):
    shapley, gradients = explanation(knowledge, 1, gradients=1000 * GIVEN).methods
    np.testing.assert_array_equal(gradients.values, 1000 * GIVEN[1])
    assert gradients.name == GRADIENTS
    for method in (shapley, gradients):
        strongest_player = np.abs(method.values).argmax()
        expected = BLUE if method.values[strongest_player] > 0 else VERMILLION
        assert method.colours[strongest_player] == expected


def test_colours_of_nothing():
    assert Method("", np.array([0.0, np.nan]), 0.0).colours == ["#FFFFFF", GREY]


def test_what_does_not_belong(knowledge):
    with pytest.raises(InputError, match=r"gradients of shape \(3, 5\)"):
        explanation(knowledge, 0, gradients=GIVEN[:3])
    with pytest.raises(InputError, match="layer='tanh1': Integrated Gradients are of the network's 'output'"):
        explanation(knowledge, 0, "tanh1", gradients=GIVEN)
    with pytest.raises(InputError, match="there is no layer 'tanh3'"):
        explanation_figure(knowledge, 0, "tanh3")
    with pytest.raises(InputError, match="sample=4 is out of range"):
        printed.explanation_figure(knowledge, 4)


def test_players_in_colour_are_a_blend_of_colour_and_grey():
    image = np.array([[[10, 20, 30], [90, 90, 90], [255, 255, 255]]], dtype=np.uint8)
    found = tinted(image, np.array([[1, -1, 0]]), ["#FF0000", "#0072B2"])
    first = STRENGTH * np.array([0, 0x72, 0xB2]) + (1 - STRENGTH) * 20
    faded = (1 - FADED) * 255 + FADED * 90
    last = STRENGTH * np.array([255, 0, 0]) + (1 - STRENGTH) * 255
    np.testing.assert_array_equal(found[0], np.round([first, [faded] * 3, last]))


def test_only_players_of_the_interaction_are_marked():
    knowledge = tiny("image")
    image, owner = image_of(knowledge, 0)
    shown = strongest(knowledge, 0, "output", count=9)[-1]
    found = marked(image, owner, shown)
    coloured = (found != found[..., :1]).any(-1)
    np.testing.assert_array_equal(coloured, np.isin(owner, shown.players))


def pixels_of(source):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,")))))


def test_panels_of_an_image():
    knowledge = tiny("image")
    image, owner = image_of(knowledge, 0)
    given = np.zeros((4, 4))
    found = explanation(knowledge, 0, count=3, gradients=given)
    expected = [image, *(tinted(image, owner, method.colours) for method in found.methods)]
    expected += [marked(image, owner, shown) for shown in found.interactions]
    page = explanation_figure(knowledge, 0, count=3, gradients=given)
    pictures = [pixels_of(trace.source) for trace in page.data if trace.type == "image"]
    figure = printed.explanation_figure(knowledge, 0, count=3, gradients=given)
    drawn = [picture for axes in figure.axes for picture in axes.images]
    for one, two, picture in zip(expected, pictures, drawn, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, picture.get_array())
        assert picture.get_extent() == [0, 6, 6, 0]
    headings = [note.text for note in page.layout.annotations]
    assert headings[0] == "input<br>sample 0"
    assert headings[3:] == ["<br>".join(short_label(shown)) for shown in found.interactions]
    words = words_in(figure)
    assert {heading.replace("<br>", "\n") for heading in headings} <= set(words)
    assert {"0", "1", "2", "3"} <= set(words)


def test_words_of_a_sentence():
    found = sentence(sentences(), 0)
    assert found == [
        Chunk("the", -1),
        Chunk("unbelievably", -1),
        Chunk("not", 0),
        Chunk("bad", 1),
        Chunk("film", 2),
        Chunk("<b>", 3),
        Chunk("end", 4),
    ]
    assert sentence(tiny("table"), 0) is None
    assert sentence(tiny("custom"), 0) is None


def test_words_are_set_in_lines():
    chunks = [Chunk("a" * 5, 0), Chunk("b" * 4, 1), Chunk("c" * 30, 2), Chunk("d", -1)]
    words = set_words(chunks, 10)
    assert [(word.line, word.column) for word in words] == [(0, 0), (0, 6), (1, 0), (2, 0)]
    assert len(words[2].chunk.text) == 10
    assert (n_lines(words), n_lines([])) == (3, 1)


def test_blocks_of_a_sentence():
    knowledge = sentences()
    found = explanation(knowledge, 0, gradients=GIVEN)
    page = explanation_figure(knowledge, 0, gradients=GIVEN)
    texts = words_in(printed.explanation_figure(knowledge, 0, gradients=GIVEN))
    notes = page.layout.annotations
    size = 1 + len(sentence(knowledge, 0))
    blocks = [notes[start : start + size] for start in range(0, len(notes), size)]
    assert len(blocks) == 2 + len(found.interactions)
    for method, block in zip(found.methods, blocks, strict=False):
        assert block[0].text == f"{method.name}, scale ±{method.scale:.2g}"
        coloured = {note.text: note.bgcolor for note in block[1:] if note.bgcolor}
        names = [name.replace("<b>", "&lt;b&gt;") for name in WORDS]
        assert coloured == dict(zip(names, method.colours, strict=True))
    for shown, block in zip(found.interactions, blocks[2:], strict=True):
        coloured = {note.text for note in block[1:] if note.bgcolor}
        assert coloured == {WORDS[player].replace("<b>", "&lt;b&gt;") for player in shown.players}
        assert {note.bgcolor for note in block[1:] if note.bgcolor} == {BLUE if shown.effect > 0 else VERMILLION}
        assert f"{shown.effect:+.2f}" in block[0].text
    for note in notes:
        assert note.text.replace("&lt;b&gt;", "<b>") in texts


def test_printed_words_have_the_colours_of_their_players():
    knowledge = sentences()
    method = explanation(knowledge, 0).methods[0]
    (axes,) = printed.explanation_figure(knowledge, 0, count=0).axes
    boxes = {text.get_text(): text.get_bbox_patch() for text in axes.texts}
    for name, colour in zip(WORDS, method.colours, strict=True):
        assert to_hex(boxes[name].get_facecolor()) == colour.lower()
    assert boxes["the"] is None


def test_labels_of_a_row(knowledge):
    values = knowledge.inputs(0)
    assert player_labels(knowledge, 0)[1] == f"hours = {values[1]:.4g}"
    assert player_labels(tiny("custom"), 0) == list(tiny("custom").manifest["coords"]["players"][0])


def test_cells_and_dots_of_a_row(knowledge):
    found = explanation(knowledge, 0, gradients=GIVEN)
    page = explanation_figure(knowledge, 0, gradients=GIVEN)
    (axes,) = printed.explanation_figure(knowledge, 0, gradients=GIVEN).axes
    expected = [colour for method in found.methods for colour in method.colours]
    assert [shape.fillcolor for shape in page.layout.shapes] == expected
    assert [to_hex(box.get_facecolor()) for box in axes.patches] == [colour.lower() for colour in expected]
    written = [f"{value:+.2f}" for method in found.methods for value in method.values]
    assert [note.text for note in page.layout.annotations] == written
    assert [text.get_text() for text in axes.texts] == written
    for shown, trace, line in zip(found.interactions, page.data, axes.lines, strict=True):
        assert tuple(trace.y) == tuple(line.get_ydata()) == shown.players
        assert trace.line.color == line.get_color() == (BLUE if shown.effect > 0 else VERMILLION)
    assert page.layout.xaxis.ticktext[0] == f"Shapley<br>values<br>±{found.methods[0].scale:.2g}"


def test_no_number_is_no_colour(knowledge):
    gaps = GIVEN.copy()
    gaps[0, 1] = np.nan
    page = explanation_figure(knowledge, 0, gradients=gaps)
    assert page.layout.annotations[6].text == "\N{EN DASH}"
    assert page.layout.shapes[6].fillcolor == GREY
    assert "\N{EN DASH}" in words_in(printed.explanation_figure(knowledge, 0, gradients=gaps))


def test_names_are_shown_letter_by_letter():
    hostile = tiny("hostile")
    text = words_of(explanation_figure(hostile, 0))
    assert "<b>" not in text
    assert "<script" not in text
    assert "&lt;b&gt;age" in text
    assert any(word.startswith("<b>age") for word in words_in(printed.explanation_figure(hostile, 0)))
