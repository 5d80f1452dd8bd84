"""What is kept of a person, in words: the tables of the database that have rows about somebody, and the copies."""

from __future__ import annotations

from collections.abc import Mapping

from bot.wording import Wording

LAKE = "lake_events"
"""The table whose rows may still be on their way."""
COPIED = {"interactions": "warehouse_interactions", "reviews": "warehouse_reviews", "feedback": "warehouse_feedback"}
"""What the rows of the warehouse are called beside those of the database, by kind."""


def counted(rows: Mapping[str, int], words: Wording) -> str:
    """How many rows of which table."""
    return ", ".join(words.say("kept.count", what=words.say(f"kept.{table}.name"), n=n) for table, n in rows.items())


def meaning(table: str, words: Wording) -> str:
    return words.say(f"kept.{table}.meaning")
