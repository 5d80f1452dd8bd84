"""One engine that keeps up with the lake: a bounded part of what is new at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from jobs.learnable import CannotLearn, Standing, begin
from jobs.learning import AT_ONCE, Change, decide_all, gather, merged, taken_out
from recommender.engine import Engine
from recommender.errors import UpdateRefused
from recommender.served import Served
from recommender.version import Card
from storage.fitted_rows import FittedRows, key_of
from storage.lake.lake import Lake, Touched

log = logging.getLogger(__name__)

EVENTS = 2_000
"""Events looked at in a step."""
PLAYERS = 128
"""Players learned in a step: their rows are added in one pass over the matrix, which is copied once."""
STEPS = 8
"""Steps a pass. Who is further behind goes on with the next one soon."""


@dataclass(frozen=True, slots=True)
class Learning:
    """What a process has learned in place since it started, for its metrics.

    `learns` says whether the model in service can. `learned` and `forgotten` count rows. `lag` is how many events of
    the lake came after the last that it knows, as of its last look; `seconds` is what the last pass took. `refused`
    rows wait for the next fit, `failures` are passes that are tried again.
    """

    version: str | None = None
    learns: bool = False
    learned: int = 0
    forgotten: int = 0
    refused: int = 0
    passes: int = 0
    failures: int = 0
    seconds: float = 0.0
    lag: int = 0


class Learner:
    """Asks the lake for what is new and has the engine learn it, in every version that answers somebody.

    All that it remembers is of these versions: after a restart or a swap it begins anew where the fit ended.
    Each replica has its own. `card` tells what a version says of itself; `clock` is in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        lake: Lake,
        kept: FittedRows,
        card: Callable[[str], Card],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._lake, self._kept, self._card, self._clock = engine, lake, kept, card, clock
        self._standing: dict[str, Standing] = {}
        self._hopeless: set[str] = set()
        self._said = ""
        self.learning = Learning()
        self.woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to forget or to learn that should not wait."""
        self.woken.set()

    async def catch_up(self) -> bool:
        """A pass: some steps; whether it got to the end of the lake. What fails is repeated with the next one.

        Raises:
            DatabaseUnavailable, DatabaseError: see `Database`.
        """
        began = self._clock()
        try:
            for _ in range(STEPS):
                if await self._step():
                    return True
        except Exception:
            self._count(failures=1)
            raise
        finally:
            self._count(passes=1)
            self.learning = replace(self.learning, seconds=self._clock() - began)
        return False

    async def _step(self) -> bool:
        """Whether nothing is left to do."""
        answering = {served.version: served for served in self._engine.service.at_hand}
        self._standing = {version: known for version, known in self._standing.items() if version in answering}
        self._hopeless &= answering.keys()
        return all([await self._step_of(served) for served in answering.values()])

    async def _step_of(self, served: Served) -> bool:
        standing = await self._stand(served)
        if served is self._engine.served:
            self.learning = replace(self.learning, version=served.version, learns=standing is not None)
        if standing is None:
            return True
        self._standing[served.version] = standing
        if leaving := await self._leaving(served, standing):
            await self._act(standing, leaving)
            return False
        last = await self._lake.last()
        found = await self._lake.touched(standing.at, EVENTS)
        some = _of_few(found)
        changes = await self._changes(served, standing, some)
        if changes is None or not await self._act(standing, changes):
            self._standing.pop(served.version)  # retired, or it answers nobody any more
            return False
        whole = len(some) == len(found) < EVENTS
        standing.at = max(last, standing.at) if whole else some[-1].seq
        if served.version == self._engine.served.version:
            self.learning = replace(self.learning, lag=max(0, last - standing.at))
        return whole

    async def _stand(self, served: Served) -> Standing | None:
        """None where this model cannot learn, which is said once."""
        if served.version in self._standing:
            return self._standing[served.version]
        if served.version in self._hopeless:
            return None
        try:
            return await begin(served, self._card, self._lake, self._kept)
        except CannotLearn as reason:
            if reason.ever:
                self._hopeless.add(served.version)
            said = f"model {served.version} does not learn between fits: {reason}"
            if said != self._said:
                log.info("%s", said)
            self._said = said
            return None

    async def _leaving(self, served: Served, standing: Standing) -> list[Change]:
        """Rows of the fit whose players had something erased, no matter when."""
        out = {key for key, row in served.learned.items() if not len(row)} | standing.refused
        ids = [number for number in await self._kept.forgotten(standing.base) if key_of(number) not in out]
        return [taken_out(row) for row in await self._kept.rows(standing.base, ids[:PLAYERS])] if ids else []

    async def _changes(self, served: Served, standing: Standing, some: Sequence[Touched]) -> list[Change] | None:
        """None where what the model was fitted on is no longer kept."""
        standing.people |= {event.player: event.person for event in some if event.person is not None}
        players = list(dict.fromkeys(event.player for event in some))
        changes: list[Change] = []
        for begins in range(0, len(players), AT_ONCE):
            people = {player: standing.people.get(player) for player in players[begins : begins + AT_ONCE]}
            found = await gather(self._lake, self._kept, standing.base, standing.upto, people)
            if found is None:
                return None
            changes += await asyncio.to_thread(decide_all, served, *found)
        return changes

    async def _act(self, standing: Standing, changes: Sequence[Change]) -> bool:
        """False where the version answers nobody any more."""
        served = self._engine.service.of(standing.version)
        learned = served.learned if served is not None else {}
        altering = [change for change in changes if change.alters(learned)]
        return not altering or await self._learn(standing, altering)

    async def _learn(self, standing: Standing, changes: Sequence[Change]) -> bool:
        """One row that is not in the model does not keep the others out of it: each half is tried alone."""
        together = merged(changes)
        try:
            taken = await self._engine.learn(standing.version, together.rows, together.fitted)
        except UpdateRefused as refused:
            if half := len(changes) // 2:
                return await self._learn(standing, changes[:half]) and await self._learn(standing, changes[half:])
            log.error("a row waits for the next fit: %s", refused)  # noqa: TRY400 - it says all there is
            standing.refused |= together.rows.keys()
            self._count(refused=1)
            return True
        if taken:
            forgotten = sum(change.forgets for change in changes)
            self._count(learned=len(changes) - forgotten, forgotten=forgotten)
        return taken

    def _count(self, **more: int) -> None:
        self.learning = replace(self.learning, **{name: getattr(self.learning, name) + n for name, n in more.items()})


def _of_few(found: Sequence[Touched]) -> Sequence[Touched]:
    """The first of them, of at most PLAYERS players."""
    players: set[str] = set()
    for at, event in enumerate(found):
        players.add(event.player)
        if len(players) > PLAYERS:
            return found[:at]
    return found
