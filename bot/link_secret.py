"""What links are signed with where no setting says it: a random file in the home folder, made once."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from bot.errors import FileRefused

FILE = "link_secret"
_BYTES = 32


def kept_secret(home: Path) -> bytes:
    """The same for every process that shares the folder; only its owner can read the file.

    Raises:
        FileRefused: what is there is none.
        OSError: it can be neither read nor made.
    """
    place = home / FILE
    if not place.exists():
        _make(place)
    secret = place.read_bytes()
    if len(secret) < _BYTES:
        raise FileRefused(f"{place} is damaged: delete it, so that a new one is made, or set INDIEAN_LINK_SECRET")
    return secret


def _make(place: Path) -> None:
    """Whole or not at all, and of several processes that make it at once the first one's is everybody's."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{FILE}-", dir=place.parent)  # mode 0600
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, place)
    finally:
        beside.unlink()
