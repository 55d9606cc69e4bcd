"""Who may do what: the secrets of a server, sessions, and the limit on guesses.

An annotator's session is her link's token, so that revoking the link ends it at once. Whoever comes
from an outside panel has no token: her session is her id, signed. All that is derived here comes
from one secret file, so sessions and the owner's link outlive a restart, and deleting the file
ends them all.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from annotate.errors import DamagedError, InputError

SECRET_BYTES = 32
LONGEST_TOKEN = 512
_PANEL = "panel."


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that does not tell where they differ.

    >>> same("abc", "abc"), same("abc", "abé")
    (True, False)
    """
    return hmac.compare_digest(one.encode(), other.encode())


@dataclass(frozen=True)
class Keys:
    """Everything that is derived from a server's secret.

    Attributes:
        secret: random bytes, from :func:`read_keys`.
    """

    secret: bytes = field(repr=False)

    @property
    def owner_token(self) -> str:
        """Token of the owner's link."""
        return self._sign("owner")

    @property
    def panel_key(self) -> str:
        """Lets an outside panel send people with ids of its own."""
        return self._sign("panel")

    def csrf(self, session: str) -> str:
        """What a page must send along with every change that it makes in a session."""
        return self._sign(f"csrf:{session}")

    def panel_session(self, panel_id: str, completion: str = "") -> str:
        """The session of somebody whom an outside panel sent, with the panel's completion code.

        >>> keys = Keys(bytes(32))
        >>> keys.panel_id(keys.panel_session("anna")), keys.panel_id("panel.YQ.forged")
        ('anna', None)
        >>> keys.completion(keys.panel_session("anna", "C0DE"))
        'C0DE'
        """
        about = f"{panel_id}\0{completion}" if completion else panel_id
        name = base64.urlsafe_b64encode(about.encode()).decode().rstrip("=")
        return f"{_PANEL}{name}.{self._sign(f'session:{about}')}"

    def panel_id(self, session: str) -> str | None:
        """Who stands in a panel's session; None where it is none of ours."""
        about = self._panel(session)
        return None if about is None else about.partition("\0")[0]

    def completion(self, session: str) -> str:
        """The completion code of a panel's session; empty: none."""
        return (self._panel(session) or "").partition("\0")[2]

    def _panel(self, session: str) -> str | None:
        if not session.startswith(_PANEL):
            return None
        name, _, signature = session.removeprefix(_PANEL).partition(".")
        try:
            padded = name + "=" * (-len(name) % 4)
            about = base64.urlsafe_b64decode(padded.encode()).decode()
        except (binascii.Error, ValueError):
            return None
        return about if same(signature, self._sign(f"session:{about}")) else None

    def _sign(self, purpose: str) -> str:
        digest = hmac.new(self.secret, purpose.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def read_keys(path: Path) -> Keys:
    """The secret of a workspace's server, made at the first call and readable by its owner only.

    Raises:
        DamagedError: the file was altered.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        # Whole before it has its name, so that no other process reads a half.
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        if not path.exists():
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(secrets.token_hex(SECRET_BYTES))
                os.link(fresh, path)
            finally:
                fresh.unlink()
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise DamagedError(
            f"{path}: not the secret that this server wrote. Delete it; the owner's link and the "
            "sessions of outside panels are then made anew."
        )
    return Keys(secret)


class Gate:
    """The limit on bad tokens, by the caller's address.

    A secret that was right once keeps opening, so that nobody who is at work is locked out by a
    neighbour behind the same address who guesses.
    """

    def __init__(
        self,
        *,
        tries: int = 20,
        seconds: float = 60.0,
        addresses: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tries, self._seconds, self._addresses, self._clock = tries, seconds, addresses, clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._proven: set[bytes] = set()
        self._lock = threading.Lock()

    def wait(self, address: str, secret: str) -> float:
        """Seconds until this address may try this secret; 0: now."""
        with self._lock:
            if hashlib.sha256(secret.encode()).digest() in self._proven:
                return 0.0
            failures = self._recent(address)
            if len(failures) < self._tries:
                return 0.0
            return failures[0] + self._seconds - self._clock()

    def passed(self, secret: str) -> None:
        """Note that a secret was right."""
        with self._lock:
            self._proven.add(hashlib.sha256(secret.encode()).digest())

    def failed(self, address: str) -> None:
        """Note that an address came with a wrong secret."""
        with self._lock:
            failures = self._recent(address)
            failures.append(self._clock())
            self._failures[address] = failures
            self._failures.move_to_end(address)
            while len(self._failures) > self._addresses:
                self._failures.popitem(last=False)

    def _recent(self, address: str) -> deque[float]:
        failures = self._failures.get(address) or deque(maxlen=self._tries)
        while failures and failures[0] <= self._clock() - self._seconds:
            failures.popleft()
        return failures


def own_origin(headers: Mapping[str, str], public_url: str) -> bool:
    """Whether a browser sent a request from a page of this server.

    Where a page's referrer policy makes the browser hide the origin, its word in Sec-Fetch-Site
    counts, which no page can set.

    Args:
        headers: of the request, names in lower case.
        public_url: origin that people see, behind a proxy; empty: the request's host.
    """
    origin = headers.get("origin", "null")
    if origin == "null":
        return headers.get("sec-fetch-site") == "same-origin"
    if public_url and origin == public_url.rstrip("/"):
        return True
    host = headers.get("host", "")
    return bool(host) and origin in (f"http://{host}", f"https://{host}")


def check_public_url(name: str, url: str) -> None:
    """Make sure that a setting is empty or the origin of a web server.

    Raises:
        InputError: it has another scheme, or a path.
    """
    scheme, found, host = url.rstrip("/").partition("://")
    if url and not (found and scheme in ("http", "https") and host and "/" not in host):
        raise InputError(
            f"[serve] {name} {url!r} must be an origin such as https://annotate.example, no path."
        )
