"""Keeps the Steam key, which travels in query strings, out of every log."""

from __future__ import annotations

import logging
import re


class _KeyHidden(logging.Filter):
    """Rewrites a record that names a URL with a key in its query."""

    _KEY = re.compile(r"([?&]key=)[^&#\s\"']*")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._KEY.sub(r"\1[hidden]", record.getMessage()), None
        return True


_key_hidden = _KeyHidden()


def keep_keys_out_of_logs() -> None:
    """The one place that decides it: httpx logs each URL at INFO and httpcore headers at DEBUG, so both are filtered.

    A filter, because a level would be undone by whoever sets up logging later. Calling it again changes nothing.
    """
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_key_hidden)
