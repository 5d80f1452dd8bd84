"""Dialogues as data: what is said, then what the answer has in it; a part that begins with "!" must not be in it."""

from __future__ import annotations

Turn = tuple[str, ...]
Dialogues = dict[str, list[Turn]]
