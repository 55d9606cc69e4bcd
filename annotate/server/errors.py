"""What can go wrong between an annotator and the store; every message may be shown to her."""

from __future__ import annotations

from annotate.errors import MumicError


class StaleLease(MumicError):  # noqa: N818
    """The lease is unknown, another person's, or was given back: the page has to be left."""


class FullImage(MumicError):  # noqa: N818
    """The lease expired and others have answered the image meanwhile."""


class BadAnswer(MumicError, ValueError):  # noqa: N818
    """The answer does not fit the questions that were asked."""


class NotActive(MumicError):  # noqa: N818
    """The annotator is unknown, paused, excluded or revoked."""


class NotYours(MumicError, LookupError):  # noqa: N818
    """The image is not among the annotator's own latest answers."""
