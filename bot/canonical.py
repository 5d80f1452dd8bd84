"""One request and how it went, without a word about people: what the log's line and the metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """`seconds` from the request to its reply, of them `steam_seconds` for Steam, None where it was not asked.

    `request` is the id under which the database has it, `reference` what the person was shown where it failed.
    """

    command: str
    platform: str
    outcome: str
    seconds: float
    request: str
    page: int = 1
    picks: int = 0
    model: str | None = None
    steam_seconds: float | None = None
    reference: str | None = None

    def __str__(self) -> str:
        """What everybody asks first as a sentence, and the rest behind it."""
        told = self.fields()
        began = f"/{told.pop('command')} on {told.pop('platform')}: {told.pop('outcome')} in {told.pop('ms')} ms"
        return " ".join([began, *(f"{name}={value}" for name, value in told.items())])

    def fields(self) -> dict[str, str | int]:
        """For a structured log line: whole milliseconds, and nothing that is not known."""
        whole: dict[str, str | int | None] = {
            "command": self.command,
            "platform": self.platform,
            "outcome": self.outcome,
            "ms": round(1000 * self.seconds),
            "model": self.model,
            "picks": self.picks,
            "page": self.page,
            "steam_ms": None if self.steam_seconds is None else round(1000 * self.steam_seconds),
            "request": self.request,
            "reference": self.reference,
        }
        return {name: value for name, value in whole.items() if value is not None}
