"""The hub that open_clip downloads from: a quick answer where it cannot be reached, no chatter."""

from __future__ import annotations

import contextlib
import logging
import socket
import warnings
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies

CONNECT_SECONDS = 5


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back the libraries' log lines and warnings: what they say is raised, or is expected."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def cache_only_if_unreachable() -> Iterator[None]:
    """Let the hub's client answer from its cache alone where the hub cannot be reached.

    It would otherwise retry for the better part of a minute before it says so.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reachable(url: str) -> bool:
    if getproxies():  # the proxy knows the way, we do not
        return True
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
