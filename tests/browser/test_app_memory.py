"""While a training is recorded, neither the server nor the page keeps what it has sent or shown."""

from app.memory import watched

WARM_UP, SECONDS = 90, 180
"""Until 200 steps are drawn, which is the most, and the browser has compiled what it runs; then it is measured."""


def test_memory_does_not_grow_with_what_was_shown(browser, tmp_path):
    """A leak of answers would show: memory grows slower than a fifth of what keeping each answer would take.

    An answer is three figures. A server that kept its figures, or a page that kept its own, would grow by at least
    what is sent in a second. What may grow is what the server keeps of the records, up to its limit, and noise: three
    standard errors of the slope of the line through three minutes.
    """
    course = watched(browser, tmp_path, warm_up=WARM_UP, seconds=SECONDS)
    leak = course.rate("answered")
    records = course.rate("records")
    # The premise: the training went on, and the page was answered about once a second with three figures.
    assert records > 1
    assert leak > 10_000
    for name, allowed in (("server", records * course.record_bytes), ("page", 0.0)):
        slope, error = course.slope(name)
        print(
            f"{name}: {slope:,.0f} +- {error:,.0f} bytes a second, of which records {allowed:,.0f}; a leak of answers "
            f"would be {leak:,.0f}"
        )
        # The measurement can tell: a leak stands out of its noise.
        assert 3 * error < leak / 2
        assert slope - allowed < leak / 5 + 3 * error
    nodes, error = course.slope("nodes")
    # A figure has hundreds of nodes; one that stays behind would add as many each second.
    assert nodes < 5 + 3 * error
