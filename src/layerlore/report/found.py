"""What else is known of a run through training: from files in its folder, else found now."""

from __future__ import annotations

from layerlore.dynamics.health import Health, check_history
from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends, find_trends
from layerlore.dynamics.trends.result import FILE
from layerlore.errors import InputError, MissingExtraError


def found_trends(history: History) -> tuple[Trends | None, str]:
    """The trends in the run folder if they are of this history, else those of the robust recipe.

    Returns:
        The trends and an empty text; or None, and why there are none.

    Raises:
        RunError: the file is damaged.
    """
    if history.path is not None and (history.path / FILE).is_file():
        kept = Trends.load(history.path)
        if kept.belongs_to(history):
            return kept, ""
    try:
        return find_trends(history), ""
    except (InputError, MissingExtraError) as error:
        return None, str(error)


def found_health(history: History) -> Health:
    """The findings in the run folder, else what the history alone can tell.

    Raises:
        RunError: the file is damaged.
    """
    kept = None if history.path is None else Health.load(history.path)
    return check_history(history) if kept is None else kept
