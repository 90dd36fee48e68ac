"""Previews: what was frozen at the request's position is checked against the terms, and its figures are recorded."""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from msgspec import Struct

from application.log.envelope import Origin
from application.log.working import Working
from application.log.writer import Writer
from application.reads import FrozenStanding, Previews, reach
from application.service import actors
from application.service.refusals import Unknown
from application.streams import PREVIEW
from application.tiered import commands as tiered_campaigns
from application.tiered.evaluation import Progress
from domain.tiered.preview import Figures, Preview, Status
from domain.tiered.terms import TieredTerms
from domain.values.amounts import EXACT, ZERO, written

CHUNK_MEMBERS = 1_000


class Wrong(Exception):  # noqa: N818  named for what happened
    """A preview can't be finished; the message is the reason that is recorded with it."""


class _PreviewTerms(Struct, frozen=True):
    preview: Preview
    terms: Mapping[int, TieredTerms | None]


async def compute(writer: Writer, previews: Previews, preview_id: UUID, progress: Progress) -> Status:
    """Finishes a preview that was requested, or fails it with the reason; may be run again after any interruption.

    Raises Unknown, Behind when the projections do not follow, and what the log raises.
    """
    requested = await writer.submit(partial(_look, preview_id=preview_id))
    seen: _PreviewTerms = requested.answer
    if seen.preview.status is not Status.RUNNING:
        return seen.preview.status
    await reach(previews, requested.position)
    origin = await previews.origin(preview_id, 1)
    try:
        figures = await _checked(previews, seen, progress)
    except Wrong as wrong:
        await fail(writer, preview_id, str(wrong), origin)
        return Status.FAILED
    finish = partial(tiered_campaigns.finish_preview, preview_id=preview_id, figures=figures)
    await writer.submit(finish, actor=actors.PREVIEW, origin=origin)
    return Status.FINISHED


async def fail(writer: Writer, preview_id: UUID, reason: str, origin: Origin) -> None:
    """`origin` is that of what answers to the request."""
    failing = partial(tiered_campaigns.fail_preview, preview_id=preview_id, reason=reason)
    await writer.submit(failing, actor=actors.PREVIEW, origin=origin)


def _look(working: Working, preview_id: UUID) -> _PreviewTerms:
    preview = working.state(PREVIEW.of(preview_id))
    if preview is None:
        raise Unknown(f"no preview {preview_id}")
    terms = {number: working.catalogue.terms(preview.campaign, number) for number in preview.occurrences}
    return _PreviewTerms(preview, terms)


async def _checked(previews: Previews, seen: _PreviewTerms, progress: Progress) -> tuple[Figures, ...]:
    """The frozen figures, once every member's points have been computed again from what they add up."""
    figures = await previews.figures(seen.preview.id)
    if not figures:
        raise Wrong("newer previews have taken its place")
    members = sum(figure.members for figure in figures)
    sums = {number: Figures(number, 0, ZERO, ZERO) for number in seen.preview.occurrences}
    occurrence, member, done = 0, "", 0
    while chunk := await previews.standings(seen.preview.id, occurrence, member, CHUNK_MEMBERS):
        for standing in chunk:
            _check(standing, seen.terms[standing.occurrence])
            sums[standing.occurrence] = _added(sums[standing.occurrence], standing)
        occurrence, member = chunk[-1].occurrence, chunk[-1].member
        done += len(chunk)
        await progress(done, members)
    if tuple(sums.values()) != figures:
        raise Wrong("the members' points do not add up to the frozen sums")
    return figures


def _check(standing: FrozenStanding, terms: TieredTerms | None) -> None:
    if terms is None:
        raise Wrong("the tiered campaign was archived")
    for aggregate, points in (
        (standing.total, standing.pending_points),
        (standing.confirmed, standing.award_points),
    ):
        if terms.points(aggregate) != points:
            raise Wrong(
                f"member {standing.member} was shown {points:f} points in occurrence {standing.occurrence}, "
                f"and {written(aggregate)} earns {terms.points(aggregate):f}"
            )


def _added(sums: Figures, standing: FrozenStanding) -> Figures:
    return Figures(
        sums.occurrence,
        sums.members + 1,
        EXACT.add(sums.pending_points, standing.pending_points),
        EXACT.add(sums.award_points, standing.award_points),
    )
