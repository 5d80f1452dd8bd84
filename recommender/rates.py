"""How often people took what they were shown, how sure that is, and whether one rate is above another."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import bdtr

Z = 1.959964
"""Deviations of a normal distribution that leave out 5 % on both sides together."""
POWER = 0.841621
"""And those that leave out 20 % on one side: how often a true difference may be missed."""
WORTH = 0.1
"""The part of a rate by which another has to be above it for anybody to care."""


@dataclass(frozen=True, slots=True)
class Moments:
    """What people did one by one, summed up: of each, n things shown, y of them taken.

    `people`, the sums of n and y, and those of their products.
    """

    people: int
    n: int
    y: int
    nn: int
    ny: int
    yy: int


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `n`; `effective` is how many independent ones n are worth, as much of it is the same people's."""

    hits: int
    n: int
    effective: float

    @property
    def share(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %, after Wilson 1927; None where nothing was shown."""
        return wilson(self.hits / self.n, self.effective) if self.n else None

    def as_dict(self) -> dict[str, object]:
        return {"hits": self.hits, "n": self.n, "share": self.share, "interval": self.interval}


def rate_of(of: Moments) -> Rate:
    """With the variance of a ratio over people (Cochran 1977, 2.11; Deng, Knoblich and Lu 2018), not over games shown.

    One who likes everything is one witness, not twenty: what people took is not independent. `effective` lies between
    that of people who always do the same (Kish 1965) and n.
    """
    if not of.n:
        return Rate(0, 0, 0.0)
    share, least = of.y / of.n, of.n**2 / of.nn
    variance = 0.0
    if of.people > 1:
        squares = of.yy - 2 * share * of.ny + share**2 * of.nn
        variance = of.people / (of.people - 1) * max(squares, 0.0) / of.n**2
    effective = share * (1 - share) / variance if variance > 0 else least
    return Rate(of.y, of.n, min(max(effective, least), float(of.n)))


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson 1927); n is above 0."""
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def difference(a: Rate, b: Rate) -> float | None:
    """The p of two rates that are the same, by the score test; None where one was not measured at all."""
    if not (a.n and b.n):
        return None
    pooled = (a.hits + b.hits) / (a.n + b.n)
    variance = pooled * (1 - pooled) * (1 / a.effective + 1 / b.effective)
    if not variance:
        return 1.0
    return math.erfc(abs(a.hits / a.n - b.hits / b.n) / math.sqrt(2 * variance))


def more_shown(a: Rate, b: Rate) -> int | None:
    """How many things have yet to be shown by both together until a difference can be told; None where none was taken.

    As large a one as there is now, and at least a tenth of the rate, in four cases of five (Fleiss 1981, 3.2).
    """
    if not (a.n and b.n and a.hits + b.hits):
        return None
    pooled = (a.hits + b.hits) / (a.n + b.n)
    apart = max(abs(a.hits / a.n - b.hits / b.n), WORTH * pooled)
    independent = 2 * pooled * (1 - pooled) * ((Z + POWER) / apart) ** 2
    each = independent * (a.n + b.n) / (a.effective + b.effective)
    return math.ceil(sum(max(each - one.n, 0.0) for one in (a, b)))


def sign_test(wins: int, losses: int) -> float:
    """The p of a fair coin that falls so unevenly, both sides counted, exactly."""
    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))


def more_decided(wins: int, losses: int) -> int | None:
    """How many lists have yet to be decided until a winner can be told; None where none was. See `more_shown`."""
    decided = wins + losses
    if not decided:
        return None
    apart = max(abs(wins / decided - 0.5), WORTH / 2)
    spread = math.sqrt(max(0.25 - apart**2, 0.0))
    return math.ceil(max(((Z / 2 + POWER * spread) / apart) ** 2 - decided, 0.0))
