"""Two versions side by side as people took their picks, and what can be said of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from recommender.experiment import Experiment
from recommender.rates import Rate, difference, more_decided, more_shown, sign_test, wilson

SURE = 0.05
"""The p below which a difference is told."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the games shown at one position, or by one command."""

    impressions: int
    clicks: int
    likes: int
    hides: int

    def as_dict(self) -> dict[str, object]:
        shown = self.impressions
        counts = {"clicks": self.clicks, "likes": self.likes, "hides": self.hides}
        rates = {name: (wilson(n / shown, shown) if shown else None) for name, n in counts.items()}
        return {"impressions": shown, **counts, "intervals": rates}


@dataclass(frozen=True)
class Measured:
    """One version over a span: `clicks`, `likes` and `hides` are of the games shown, `positions` count from 1."""

    version: str
    answers: int
    people: int
    mean_position: float | None
    clicks: Rate
    likes: Rate
    hides: Rate
    positions: dict[int, Taken]
    commands: dict[str, Taken]

    @property
    def impressions(self) -> int:
        return self.likes.n

    def as_dict(self) -> dict[str, object]:
        return {
            "version": self.version,
            "answers": self.answers,
            "people": self.people,
            "impressions": self.impressions,
            "mean_position": self.mean_position,
            "clicks": self.clicks.as_dict(),
            "likes": self.likes.as_dict(),
            "hides": self.hides.as_dict(),
            "positions": {str(at): taken.as_dict() for at, taken in self.positions.items()},
            "commands": {command: taken.as_dict() for command, taken in self.commands.items()},
        }


@dataclass(frozen=True, slots=True)
class Wins:
    """Of `answers` with picks of both, those in which one had more clicks and likes than the other."""

    answers: int
    a: int
    b: int

    @property
    def share(self) -> float | None:
        """That B won of those that somebody won."""
        return self.b / (self.a + self.b) if self.a + self.b else None

    def as_dict(self) -> dict[str, object]:
        decided = self.a + self.b
        interval = wilson(self.b / decided, decided) if decided else None
        counts = {"answers": self.answers, "a": self.a, "b": self.b}
        return counts | {"share_b": self.share, "interval": interval, "p": sign_test(self.b, self.a)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`by` is what decides: "wins" of interleaved lists, "likes", or "clicks" where nothing was liked yet.

    `winner` is None where no difference can be told; `more` then says about how many answers are still needed, None
    where nothing has happened that would say so. `a` and `b` are the two shares.
    """

    by: str
    winner: str | None
    a: float | None
    b: float | None
    p: float | None
    more: int | None

    def as_dict(self) -> dict[str, object]:
        names = ("by", "winner", "a", "b", "p", "more")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Compared:
    """`wins` is None where no lists were interleaved, `experiment` where none is running between the two."""

    a: Measured
    b: Measured
    since: datetime
    until: datetime
    wins: Wins | None = None
    experiment: Experiment | None = None

    @property
    def verdict(self) -> Verdict:
        """By wins where lists were interleaved, else by what is liked, and opened where nothing is liked."""
        if self.wins is not None:
            return _by_wins(self.a.version, self.b.version, self.wins)
        liked = self.a.likes.hits + self.b.likes.hits > 0
        return _by_rates("likes", self, self.a.likes, self.b.likes) if liked or not self._clicked else self._by_clicks

    @property
    def _clicked(self) -> bool:
        return self.a.clicks.hits + self.b.clicks.hits > 0

    @property
    def _by_clicks(self) -> Verdict:
        return _by_rates("clicks", self, self.a.clicks, self.b.clicks)

    def as_dict(self) -> dict[str, object]:
        return {
            "experiment": self.experiment.as_dict() if self.experiment is not None else None,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "a": self.a.as_dict(),
            "b": self.b.as_dict(),
            "wins": self.wins.as_dict() if self.wins is not None else None,
            "verdict": self.verdict.as_dict(),
        }


@dataclass(frozen=True)
class OnlineMeasures:
    """What people made of the picks between two moments: by version, and of the running experiment, if any."""

    since: datetime
    until: datetime
    versions: tuple[Measured, ...]
    experiment: Compared | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "versions": [measured.as_dict() for measured in self.versions],
            "experiment": self.experiment.as_dict() if self.experiment is not None else None,
        }


def _by_wins(a: str, b: str, wins: Wins) -> Verdict:
    p = sign_test(wins.a, wins.b)
    share = wins.share
    if share is not None and p < SURE:
        return Verdict("wins", b if wins.b > wins.a else a, 1 - share, share, p, None)
    decided, more = wins.a + wins.b, more_decided(wins.a, wins.b)
    answers = None if more is None else math.ceil(more * wins.answers / decided)
    return Verdict("wins", None, None if share is None else 1 - share, share, p, answers)


def _by_rates(by: str, of: Compared, a: Rate, b: Rate) -> Verdict:
    p = difference(a, b)
    shares = a.share, b.share
    if p is not None and p < SURE:
        return Verdict(by, of.b.version if b.hits * a.n > a.hits * b.n else of.a.version, *shares, p, None)
    more = more_shown(a, b)
    answers = None if more is None else math.ceil(more * (of.a.answers + of.b.answers) / (a.n + b.n))
    return Verdict(by, None, *shares, p, answers)
