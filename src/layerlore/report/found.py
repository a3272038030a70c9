"""What else is known of a run through training: from files in its folder, else found now."""

from __future__ import annotations

import json

from layerlore.dynamics.health import HEALTH, Health, check_history
from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends, find_trends
from layerlore.dynamics.trends.result import FILE
from layerlore.errors import InputError, MissingExtraError, RunError


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
    if history.path is not None and (history.path / HEALTH).is_file():
        path = history.path / HEALTH
        try:
            return Health.from_json(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read ({error}): remove it and check the series again") from error
    return check_history(history)
