"""Times as texts: ISO 8601 in UTC with milliseconds, so that they compare as the times do."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This moment, with its zone."""
    return datetime.now(UTC)


def time_text(moment: datetime) -> str:
    """A moment as text; one without a zone is taken to be in UTC.

    >>> time_text(datetime.fromisoformat("2020-12-28T20:59:15.5+02:00"))
    '2020-12-28T18:59:15.500Z'
    >>> time_text(datetime(2020, 12, 28))
    '2020-12-28T00:00:00.000Z'
    """
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_text() -> str:
    """This moment as text."""
    return time_text(utc_now())
