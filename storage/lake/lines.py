"""An event as one line of text that knows whether it is whole."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import datetime
from zlib import crc32

from storage.errors import EventRefused
from storage.lake.events import Event, Kind

LARGEST = 16 * 1024 * 1024
"""Bytes of a line; a larger event would be no single event."""


class HalfLine(ValueError):
    """Not a line as `line_of` writes it: the process was killed while it wrote."""


def line_of(event: Event) -> bytes:
    r"""A checksum (CRC-32, 8 hex digits), a space, the event as JSON in ASCII, and `\n`.

    Raises:
        EventRefused: the event cannot be kept, wherever it is tried.
    """
    _require_sayable(event)
    said = {
        "key": event.key,
        "kind": event.kind,
        "at": event.at.isoformat(),
        "schema": event.schema,
        "payload": event.payload,
        "platform": event.platform,
        "person": event.person,
        "body": None if event.body is None else b64encode(event.body).decode(),
    }
    try:
        line = json.dumps(said, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise EventRefused(f"its payload is not JSON ({type(error).__name__})") from None  # whose words hold values
    if len(line) > LARGEST:
        raise EventRefused(f"it has {len(line):,} bytes, and no event has more than {LARGEST:,}")
    return b"%08x %b\n" % (crc32(line), line)


def event_of(line: bytes) -> Event:
    r"""With or without its `\n`.

    Raises:
        HalfLine
    """
    said = line.removesuffix(b"\n")[9:]
    if line[:9] != b"%08x " % crc32(said):
        raise HalfLine("the checksum is another one")
    found = json.loads(said)
    body = found["body"]
    return Event(
        found["key"],
        Kind(found["kind"]),
        datetime.fromisoformat(found["at"]),
        found["schema"],
        found["payload"],
        found["platform"],
        found["person"],
        None if body is None else b64decode(body),
    )


def _require_sayable(event: Event) -> None:
    """That the columns beside the payload take it: JSON can say what Postgres's text cannot."""
    if event.at.utcoffset() is None:
        raise EventRefused("its moment says no time zone")
    for text in (event.key, event.platform or "", event.person or ""):
        if "\0" in text:
            raise EventRefused("there is a NUL in its key or in whom it is about")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise EventRefused("its key or whom it is about is no text") from None
