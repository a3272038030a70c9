import pytest

from layerlore.dynamics.schedule import described, log_points, schedule_of, whole_step
from layerlore.errors import InputError


def recorded(every: object, steps: list[int], start: int = 0) -> list[int]:
    due = schedule_of(every)  # type: ignore[arg-type]
    return [step for before, step in zip([start, *steps], steps, strict=False) if due(before, step)]


def test_a_number_takes_its_multiples() -> None:
    assert recorded(1, [1, 2, 3]) == [1, 2, 3]
    assert recorded(4, list(range(1, 14))) == [4, 8, 12]


def test_strides_miss_no_multiple() -> None:
    assert recorded(100, [64, 128, 192, 256, 320]) == [128, 256, 320]


def test_steps_from_zero_record_zero() -> None:
    assert recorded(2, [0, 1, 2, 3, 4], start=-1) == [0, 2, 4]


def test_log_takes_its_points() -> None:
    assert recorded("log", list(range(1, 3000))) == log_points(2999)


def test_log_points_by_definition() -> None:
    slow = sorted({round(10 ** (i / 10)) for i in range(41)})
    assert log_points(10_000) == slow


def test_log_misses_no_point_in_strides() -> None:
    steps = list(range(50, 5001, 50))
    points = log_points(5000)
    assert recorded("log", steps) == [s for s in steps if any(s - 50 < point <= s for point in points)]


def test_log_leaves_zero_out() -> None:
    assert recorded("log", [0, 1, 2], start=-1) == [1, 2]


def test_a_function_decides() -> None:
    assert recorded(lambda step: step in (3, 5), list(range(1, 8))) == [3, 5]


@pytest.mark.parametrize("every", [0, -3, 1.5, True, None])
@pytest.mark.usefixtures("without_type_checks")
def test_other_schedules_are_refused(every: object) -> None:
    with pytest.raises(InputError, match="must be a whole number from 1, 'log', or a function of the step"):
        schedule_of(every)  # type: ignore[arg-type]


def test_a_misspelt_word_is_refused() -> None:
    with pytest.raises(InputError, match="every='logg' is not known; did you mean 'log'"):
        schedule_of("logg")


@pytest.mark.parametrize("step", [-1, 1.0, "1", True, None])
def test_steps_are_whole_numbers(step: object) -> None:
    with pytest.raises(InputError, match="must be a whole number from 0"):
        whole_step(step)


def test_schedules_are_described_in_a_word() -> None:
    def at_night(step: int) -> bool:
        return step > 22

    assert [described(every) for every in (3, "log", at_night)][:2] == [3, "log"]
    assert str(described(at_night)).endswith("at_night")
