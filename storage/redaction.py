"""Keeps out of every log what is secret and travels in query strings, and the values that SQL statements carry."""

from __future__ import annotations

import logging
import re


class _KeyHidden(logging.Filter):
    """Rewrites a record that names a URL with a key, code or state in its query."""

    _KEY = re.compile(r"([?&](?:key|code|state)=)[^&#\s\"']*")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage(), None
        for name, value in vars(record).items():  # aiohttp tells the address once more beside its message
            if isinstance(value, str):
                setattr(record, name, self._KEY.sub(r"\1[hidden]", value))
        return True


class _ValuesHidden(logging.Filter):
    """Drops what aiosqlite tells at DEBUG: each statement with its values, Steam IDs of linked accounts among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_key_hidden = _KeyHidden()
_values_hidden = _ValuesHidden()


def keep_keys_out_of_logs() -> None:
    """The one place that decides it: httpx and aiohttp log URLs at INFO, httpcore headers at DEBUG; all are filtered.

    A filter, because a level would be undone by whoever sets up logging later. Calling it again changes nothing.
    """
    for name in (
        "httpx",
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "aiohttp.access",
    ):
        logging.getLogger(name).addFilter(_key_hidden)


def keep_values_out_of_logs() -> None:
    """The same for the SQLite driver; SQLAlchemy and asyncpg do it by themselves."""
    logging.getLogger("aiosqlite").addFilter(_values_hidden)
