"""Where an occurrence stands: what time alone moves, and what is recorded."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.tiered.occurrence import OccurrenceStatus, Phase, status
from domain.tiered.schedule import Window

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1), START + timedelta(hours=26))
STEP = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (WINDOW.starts_at - STEP, OccurrenceStatus.SCHEDULED),
        (WINDOW.starts_at, OccurrenceStatus.ACTIVE),
        (WINDOW.ends_at - STEP, OccurrenceStatus.ACTIVE),
        (WINDOW.ends_at, OccurrenceStatus.GRACE_PERIOD),
        (WINDOW.evaluation_at, OccurrenceStatus.GRACE_PERIOD),
    ],
)
def test_time_alone_moves_an_occurrence_up_to_its_grace_period(now: datetime, expected: OccurrenceStatus) -> None:
    assert status(WINDOW, None, now, archived=False) is expected
    assert status(WINDOW, None, now, archived=True) is OccurrenceStatus.CANCELLED


@pytest.mark.parametrize("archived", [True, False])
def test_what_is_recorded_of_an_evaluation_stays(*, archived: bool) -> None:
    assert status(WINDOW, Phase.EVALUATING, START, archived=archived) is OccurrenceStatus.EVALUATING
    assert status(WINDOW, Phase.EVALUATED, START, archived=archived) is OccurrenceStatus.COMPLETED
