"""Taking numbers away from a page in a browser, and following its links."""

from pathlib import Path

from report.taken import read_csv


def downloaded(page, file):
    """What the button of a figure gives, read as a spreadsheet would."""
    button = page.locator(f"button.csv[data-file='{file}']")
    button.scroll_into_view_if_needed()
    with page.expect_download() as saved:
        button.click()
    assert saved.value.suggested_filename == file
    return read_csv(Path(saved.value.path()).read_bytes().decode("utf-8"))


def assert_a_word_is_explained(page, word):
    """A link below a figure leads to the glossary's entry, and the browser scrolls to it."""
    page.locator(".tools a", has_text=word).first.click()
    assert page.locator("dt:target").text_content() == word
    # Edges lie between pixels, and the scrolling comes after the click.
    page.wait_for_function(
        "() => { const box = document.querySelector('dt:target').getBoundingClientRect();"
        " return box.top > -1 && box.top < innerHeight; }"
    )
