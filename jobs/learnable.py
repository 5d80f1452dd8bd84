"""Whether the model in service can learn in place, and from which event of the lake on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from recommender.errors import DamagedModel
from recommender.linear import Linear
from recommender.served import Served
from recommender.version import Card
from storage.fitted_rows import FittedRows
from storage.lake.lake import Lake


class CannotLearn(Exception):
    """`ever` says that this version never will; else it may in a while."""

    def __init__(self, why: str, *, ever: bool = True) -> None:
        super().__init__(why)
        self.ever = ever


@dataclass(slots=True)
class Standing:
    """Where a model in service stands: all up to event `at` is in it. `base` is the version of its fit.

    `people` are those of whom something was told since the fit: an erasure names only the pseudonym. `refused` are keys
    of rows that could not be taken out.
    """

    version: str
    base: str
    upto: int
    at: int
    people: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    refused: set[str] = field(default_factory=set, repr=False)


async def begin(served: Served, card: Callable[[str], Card], lake: Lake, kept: FittedRows) -> Standing:
    """At the end of what its fit had heard.

    Raises:
        CannotLearn: with the reason.
        DatabaseUnavailable, DatabaseError: see `Database`.
    """
    if not isinstance(served.scorer, Linear):
        raise CannotLearn("it is approximated, or answers from a GPU")
    try:
        its = await asyncio.to_thread(card, served.version)
    except DamagedModel as damage:
        raise CannotLearn(str(damage)) from damage
    if its.lake is None or its.upto is None:
        raise CannotLearn("its fit had heard no lake")
    if its.lake != await lake.name() or await lake.last() < its.upto:
        raise CannotLearn("its fit had heard another lake than the database has")
    if not await kept.kept(its.base):
        raise CannotLearn("what it was fitted on is not in the database", ever=False)
    return Standing(served.version, its.base, its.upto, its.upto)
