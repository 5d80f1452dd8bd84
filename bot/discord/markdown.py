"""Words that mean only themselves on Discord, whatever signs they hold."""

from __future__ import annotations

import re

from bot.cutting import pieces

_SIGNS = re.compile(
    r"[\\*_~`|<\[\]()]|^(?:#{1,3} |-# |[-+>] )|(?<=[0-9])\.(?= )|@(?=everyone|here)",
    re.MULTILINE,
)


def escaped(text: str) -> str:
    """As plain text: no markup, no link, no mention, no heading, no list.

    https://support.discord.com/hc/en-us/articles/210298617: a backslash takes the meaning from the sign after it.
    """
    return _SIGNS.sub(lambda found: f"\\{found[0]}" if found[0] else "", text)


def link(text: str, address: str) -> str:
    return f"[{escaped(text)}]({address})"


def parted(text: str, room: int) -> list[str]:
    """Escaped, in pieces of at most `room` characters, of which none ends within an escape."""
    lines = (
        part
        for line in text.splitlines()
        for part in (pieces(line, room // 2) if len(escaped(line)) > room else [line])  # an escape doubles a sign
    )
    return pieces("\n".join(map(escaped, lines)), room)
