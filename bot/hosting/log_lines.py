"""The log of a bot that serves: a line each with time, level and logger, and no secret among them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

WARNINGS_ONLY = ("aiohttp", "alembic", "apscheduler", "asyncio", "httpcore", "httpx")
"""Libraries whose daily lines say what ours say already, or whole addresses with people's ids in them."""

NO_VOICE = "voice will NOT be supported"
"""What discord.py warns of at each start, as two packages are missing that only speaking takes."""

_HIDDEN = "[hidden]"
_PATTERNS = (
    re.compile(r"([?&](?:key|code|state)=)[^&#\s\"']+"),
    re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/?#\s\"']+"),  # the token of an interaction
    re.compile(r"()\bx(?:ox[a-z]|app|oxe\.xox[a-z])-[\w.-]+"),  # a token of Slack's
    re.compile(r"(https?://hooks\.slack\.com/)[^\s\"'<>]+"),  # a response_url
    re.compile(r"(?<!\d)()7656119\d{10}(?!\d)"),  # a SteamID64
)


class Lines(logging.Formatter):
    """Also tracebacks are searched for secrets, as messages of errors end up there."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, _HIDDEN)
        for pattern in _PATTERNS:
            line = pattern.sub(rf"\1{_HIDDEN}", line)
        return line


@contextmanager
def logging_lines(to: TextIO, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Everything from INFO on goes there, in place of what logged before, until the end."""
    handler = logging.StreamHandler(to)
    handler.setFormatter(Lines(secrets))
    handler.addFilter(_worth_a_line)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        handler.close()


def _worth_a_line(record: logging.LogRecord) -> bool:
    if record.levelno < logging.WARNING:
        return record.name.split(".")[0] not in WARNINGS_ONLY
    return not record.getMessage().endswith(NO_VOICE)
