"""For all tests: no deadline for an example of a property test, whatever else the machine does."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
