from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tiered.preview import spacing
from domain.values.duration import Duration, DurationUnit, longest, parse_duration, shortest

DURATIONS = st.builds(Duration, st.integers(1, 3_000), st.sampled_from(DurationUnit))


@pytest.mark.parametrize(
    ("every", "length", "spaced"),
    [
        ("1 minute", "1 minute", "1 minute"),
        ("1 minute", "1000 minutes", "1 minute"),
        ("1 minute", "1001 minutes", "2 minutes"),
        ("1 minute", "1 day", "2 minutes"),
        ("7 minutes", "1 week", "14 minutes"),
        ("1 minute", "1 month", "45 minutes"),
        ("1 hour", "1 month", "1 hour"),
        ("1 hour", "12 months", "9 hours"),
        ("1 day", "1000 days", "1 day"),
        ("1 day", "1001 days", "2 days"),
        ("1 month", "1200 months", "2 months"),
        ("2 weeks", "1 day", "2 weeks"),
    ],
)
def test_scheduled_previews_are_no_closer_than_a_thousandth(every: str, length: str, spaced: str) -> None:
    asked, long = parse_duration(every), parse_duration(length)
    assert isinstance(asked, Duration)
    assert isinstance(long, Duration)
    assert str(spacing(asked, long)) == spaced


@given(DURATIONS, DURATIONS)
def test_the_spacing_is_the_least_multiple_of_what_was_asked_for(every: Duration, length: Duration) -> None:
    spaced = spacing(every, length)
    times, rest = divmod(spaced.count, every.count)
    assert (rest, spaced.unit) == (0, every.unit)
    least = max(longest(length) / 1_000, timedelta(minutes=1))
    assert shortest(spaced) >= least
    assert times == 1 or (times - 1) * shortest(every) < least
