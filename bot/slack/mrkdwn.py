"""Words that mean only themselves on Slack, whatever signs they hold."""

from __future__ import annotations

import re

GAP = "\u200b"
"""No width, no look: whether Slack takes it for a space or for a letter, no style begins or ends beside it."""
BACKTICK = "ˋ"
"""Reads as the backtick, which makes code of what follows it whatever stands beside it."""

_STYLES = re.compile(r"(?<![0-9A-Za-z])[*_~]|[*_~](?![0-9A-Za-z])")
"""Inside a word they style nothing."""
_STARTS = re.compile(
    r"^(?=[ \t]*[>＞])|(?<=@)(?=here|channel|everyone|group)|(?<=:)(?=[^\s:]+:)", re.MULTILINE | re.IGNORECASE
)
"""Where a quotation, a call to everybody or the name of an emoji would begin."""


def escaped(text: str) -> str:
    """As plain text: no markup, no link, no mention, no emoji.

    https://docs.slack.dev/messaging/formatting-message-text: & < > have their entities, and with them no mention and
    no link can be written; the signs of styles have none, so that a gap has to keep them apart from their words.
    """
    apart = _STYLES.sub(rf"{GAP}\g<0>{GAP}", _STARTS.sub(GAP, text))
    return _entities(apart.replace("`", BACKTICK))


def link(text: str, address: str) -> str:
    """A label has one line."""
    return f"<{_entities(address).replace('|', '%7C')}|{escaped(' '.join(text.split()))}>"


def fitting(text: str, most: int) -> str:
    """Escaped, and of what is longer than `most` the beginning, with a sign that something is missing."""
    whole = escaped(text[: most + 1])  # no sign becomes shorter
    if len(whole) <= most:
        return whole
    least, beyond = 0, most
    while beyond - least > 1:
        middle = (least + beyond) // 2
        least, beyond = (middle, beyond) if len(escaped(text[:middle] + "…")) <= most else (least, middle)
    return escaped(text[:least] + "…")


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
