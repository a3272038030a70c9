"""While a training is recorded, neither the server nor the page keeps what it has sent or shown."""

from app.memory import watched

WARM_UP, SECONDS = 90, 180
"""Until 200 steps are drawn, which is the most, and the browser has compiled what it runs; then it is measured."""
SHARES = {"server": 0.5, "page": 1.0}
"""Of what keeping each answer would take, so much may be added a second: a leak would come on top of the rest."""


def test_memory_does_not_grow_with_what_was_shown(browser, tmp_path):
    """A leak would show: memory grows slower than it would if each answer were kept.

    An answer is three figures, so that a server that kept its figures, or a page that kept its own, would grow by at
    least what is sent, on top of all else. All else is: the records that the server keeps, up to its limit; in the page
    the code that the browser still compiles, and plotly's memory of the places of labels, which it empties when it
    holds 10,000 of them, some 5 MB, after about five minutes; `benchmarks/serve.py` follows both for an hour. Errors
    are those of the slope of the line through three minutes.
    """
    course = watched(browser, tmp_path, warm_up=WARM_UP, seconds=SECONDS)
    leak = course.rate("answered")
    # The premise: the training went on, and the page was answered about once a second with three figures.
    assert course.rate("records") > 1
    assert leak > 10_000
    for name, records in (("server", course.rate("records") * course.record_bytes), ("page", 0.0)):
        slope, error = course.slope(name)
        print(f"{name}: {slope:,.0f} +- {error:,.0f} bytes a second, {records:,.0f} of records; answers {leak:,.0f}")
        # The measurement can tell: a leak stands out of its noise.
        assert 3 * error < leak / 2
        assert slope - records < SHARES[name] * leak
    nodes, error = course.slope("nodes")
    # A figure has hundreds of nodes; one that stays behind would add as many each second.
    assert nodes < 5 + 3 * error
