"""Texts made to fit: cut with a sign that something is missing, or parted at line breaks so that nothing is."""

from __future__ import annotations


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def pieces(text: str, room: int) -> list[str]:
    """Each at most `room` long, parted between lines where that is possible; one empty piece where there is no text."""
    parted = [""]
    for line in text.splitlines():
        longer = f"{parted[-1]}\n{line}".strip("\n") if parted[-1] else line
        if len(longer) <= room:
            parted[-1] = longer
        else:
            parted += [line[at : at + room] for at in range(0, len(line), room)]
    return [piece for piece in parted if piece] or [""]
