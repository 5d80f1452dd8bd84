"""The log of a bot that serves: a line each with time, level and logger, as text or as JSON, and no secret among them.

A record may carry `extra={"fields": {...}}`: what its sentence says, under names, for who reads JSON.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
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


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class Redaction:
    """Hides these secrets, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\1{_HIDDEN}", text)
        return text


class Lines(logging.Formatter):
    """For people. Also tracebacks are searched for secrets, as messages of errors end up there."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._redacted = Redaction(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._redacted(super().format(record))


class JsonLines(logging.Formatter):
    """For machines: `time`, `severity` and `message` are the names that Google's log agents look for.

    Secrets are hidden before anything is escaped, so that none hides behind a backslash and no line is broken by it.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._redacted = Redaction(secrets)

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, str | int | float] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        hidden = {name: self._redacted(value) if isinstance(value, str) else value for name, value in said.items()}
        return json.dumps(hidden, ensure_ascii=False)


FORMATS: Mapping[LogFormat, Callable[[Iterable[str]], logging.Formatter]] = {
    LogFormat.TEXT: Lines,
    LogFormat.JSON: JsonLines,
}


@contextmanager
def logging_lines(to: TextIO, secrets: Iterable[str] = (), form: LogFormat = LogFormat.TEXT) -> Iterator[None]:
    """Everything from INFO on goes there, in place of what logged before, until the end."""
    handler = logging.StreamHandler(to)
    handler.setFormatter(FORMATS[form](secrets))
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


def _fields(record: logging.LogRecord) -> Mapping[str, str | int | float]:
    fields: Mapping[str, str | int | float] = getattr(record, "fields", {})
    return fields


def _worth_a_line(record: logging.LogRecord) -> bool:
    if record.levelno < logging.WARNING:
        return record.name.split(".")[0] not in WARNINGS_ONLY
    return not record.getMessage().endswith(NO_VOICE)
