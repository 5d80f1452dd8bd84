"""What the models that are there were fitted on, of the bot's own people: to learn on from there, and to forget.

A row that stands in a matrix can be taken out only by whoever has it. So it stays until its model is retired, also of
somebody who had everything erased: but then without a name, as one of those that are to be taken out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from recommender.updates import Learned
from storage.database import Database, insert_into, insert_new, insert_or_replace
from storage.facts import NOTHING_KNOWN, Facts, facts_of
from storage.lake.events import ALL, Kind
from storage.lake.lake import erased_since, take_turn
from storage.schema import fitted_rows, fitted_versions, player_facts

PLAYERS = 100
"""Players a transaction: while it lasts, nobody else writes to the lake."""


@dataclass(frozen=True, slots=True)
class Rules:
    """By which players became rows: see `Warehouse.training_interactions`."""

    min_games: int
    opinions: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """Of the bot's own people, by pseudonym: `rows` as they stand in G.

    `interactions` and `feedback` are what the warehouse knows of them and of those who became no row, in its schemas.
    """

    rules: Rules
    rows: Mapping[str, Learned]
    interactions: pa.Table
    feedback: pa.Table

    def players(self) -> list[str]:
        tables = (self.interactions, self.feedback)
        return sorted(self.rows.keys() | {name for table in tables for name in table["player"].unique().to_pylist()})

    def facts(self, players: Sequence[str]) -> dict[str, Facts]:
        wanted = pa.array(players, pa.string())
        tables = (self.interactions, self.feedback)
        interactions, feedback = (table.filter(pc.is_in(table["player"], wanted)) for table in tables)
        return facts_of(interactions, feedback, dict.fromkeys(players, NOTHING_KNOWN))


@dataclass(frozen=True, slots=True, eq=False)
class FittedRow:
    """`key` names it to an engine. Its player does not: who is forgotten loses the row and keeps it in the matrix."""

    id: int
    row: Learned

    @property
    def key(self) -> str:
        return key_of(self.id)


def key_of(number: int) -> str:
    """No pseudonym looks so."""
    return f"fitted {number}"


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Of some players; those of whom nothing is known are absent."""

    rules: Rules
    facts: Mapping[str, Facts]
    fitted: Mapping[str, FittedRow]


class FittedRows:
    """`version` is the one whose fit made a matrix: see `Card.base`.

    Every method raises DatabaseUnavailable and DatabaseError as Database does.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, version: str, upto: int, fitting: Fitting) -> None:
        """Whole once it returns; repeat it where it was cut off. `upto` is the last event that the fit had heard.

        Whoever had something erased since then is passed over: their row is kept without their name.
        """
        begun = {"version": version, "min_games": fitting.rules.min_games, "opinions": fitting.rules.opinions}
        players = await asyncio.to_thread(fitting.players)
        ids = {player: number for number, player in enumerate(sorted(fitting.rows))}
        async with self._database.transaction() as connection:
            await connection.execute(insert_new(connection, fitted_versions).values(**begun, whole=False))
        for begins in range(0, len(players), PLAYERS):
            some = players[begins : begins + PLAYERS]
            facts = await asyncio.to_thread(fitting.facts, some)
            rows = {player: (ids[player], fitting.rows[player]) for player in some if player in ids}
            await self._keep_some(version, upto, rows, facts)
        async with self._database.transaction() as connection:
            await connection.execute(delete(player_facts).where(player_facts.c.version < version))
            await connection.execute(insert_or_replace(connection, fitted_versions, {**begun, "whole": True}))

    async def _keep_some(
        self, version: str, upto: int, rows: Mapping[str, tuple[int, Learned]], facts: Mapping[str, Facts]
    ) -> None:
        async with self._database.transaction() as connection:
            await take_turn(connection)  # nobody is erased between the look and the rows
            gone = await erased_since(connection, upto)
            named = [_row(version, *row, player, gone) for player, row in rows.items()]
            if named:
                await connection.execute(insert_new(connection, fitted_rows), named)
            await _overwrite(connection, [_told(version, player, one, gone) for player, one in facts.items()])

    async def retire(self, standing: Collection[str]) -> list[str]:
        """Lets go of all that was kept of other versions than these; which ones that were."""
        async with self._database.transaction() as connection:
            known = await connection.scalars(select(fitted_versions.c.version))
            gone = sorted(version for version in known if version not in standing)
            for version in gone:
                await connection.execute(delete(fitted_versions).where(fitted_versions.c.version == version))
                await connection.execute(delete(fitted_rows).where(fitted_rows.c.version == version))
        return gone

    async def kept(self, version: str) -> bool:
        """Whether all of it is there."""
        async with self._database.reading() as connection:
            return await _rules(connection, version) is not None

    async def of(self, version: str, players: Collection[str]) -> Known | None:
        """None where it is not all kept, or no longer."""
        facts = select(player_facts).where(player_facts.c.player.in_(players))
        fitted = select(fitted_rows).where(fitted_rows.c.player.in_(players), fitted_rows.c.version == version)
        async with self._database.reading() as connection:
            known = {row.player: _facts(row) for row in await connection.execute(facts)}
            rows = {row.player: _fitted(row) for row in await connection.execute(fitted)}
            rules = await _rules(connection, version)  # last: what was retired until now is missed
        return Known(rules, known, rows) if rules is not None else None

    async def forgotten(self, version: str) -> list[int]:
        """The ids of those whose players had something erased."""
        nobody_s = fitted_rows.c.player.is_(None) & (fitted_rows.c.version == version)
        async with self._database.reading() as connection:
            return list(await connection.scalars(select(fitted_rows.c.id).where(nobody_s).order_by(fitted_rows.c.id)))

    async def rows(self, version: str, ids: Collection[int]) -> list[FittedRow]:
        these = select(fitted_rows).where(fitted_rows.c.version == version, fitted_rows.c.id.in_(ids))
        async with self._database.reading() as connection:
            return [_fitted(row) for row in await connection.execute(these)]

    async def all(self, version: str) -> list[tuple[str | None, FittedRow]]:
        """With the pseudonym of their players, of those who have one."""
        these = select(fitted_rows).where(fitted_rows.c.version == version).order_by(fitted_rows.c.id)
        async with self._database.reading() as connection:
            return [(row.player, _fitted(row)) for row in await connection.execute(these)]


async def unname(connection: AsyncConnection, players: Sequence[str], kinds: frozenset[Kind] = ALL) -> int:
    """Where events of these kinds are erased, after `take_turn`: how many players are no longer known by anything.

    What came of other kinds stays known.
    """
    theirs = player_facts.c.player.in_(players)
    await connection.execute(update(fitted_rows).where(fitted_rows.c.player.in_(players)).values(player=None))
    if kinds >= {Kind.LIBRARY, Kind.REACTION}:
        return (await connection.execute(delete(player_facts).where(theirs))).rowcount
    emptied: dict[str, list[object]] = {
        name: [] for name, kind in (("games", Kind.LIBRARY), ("opinions", Kind.REACTION)) if kind in kinds
    }
    if emptied:
        await connection.execute(update(player_facts).where(theirs).values(emptied))
    return 0


async def _rules(connection: AsyncConnection, version: str) -> Rules | None:
    this = (fitted_versions.c.version == version) & fitted_versions.c.whole
    row = (await connection.execute(select(fitted_versions).where(this))).first()
    return Rules(row.min_games, row.opinions) if row is not None else None


async def _overwrite(connection: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """But for what a later version has brought."""
    statement = insert_into(connection, player_facts)
    new = {column.name: statement.excluded[column.name] for column in player_facts.c if not column.primary_key}
    older = player_facts.c.version <= statement.excluded.version
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["player"], set_=new, where=older), list(rows)
    )


def _row(
    version: str, number: int, row: Learned, player: str, gone: Mapping[str, Collection[Kind]]
) -> dict[str, object]:
    """Numbers as they lie in the memory of a machine whose least byte is the first."""
    return {
        "version": version,
        "id": number,
        "player": None if player in gone else player,
        "positions": row.positions.astype("<i4").tobytes(),
        "weights": row.weights.astype("<f4").tobytes(),
    }


def _fitted(row: Row[tuple[object, ...]]) -> FittedRow:
    positions, weights = np.frombuffer(row.positions, "<i4"), np.frombuffer(row.weights, "<f4")
    return FittedRow(row.id, Learned(positions.astype(np.int32), weights.astype(np.float32)))


def _told(version: str, player: str, facts: Facts, gone: Mapping[str, Collection[Kind]]) -> dict[str, object]:
    left = facts.without(gone.get(player, ()))
    return {
        "player": player,
        "version": version,
        "games": [[app_id, minutes] for app_id, minutes in left.minutes.items()],
        "opinions": [[app_id, said, at.astimezone(UTC).isoformat()] for app_id, (at, said) in left.opinions.items()],
    }


def _facts(row: Row[tuple[object, ...]]) -> Facts:
    opinions: Iterable[tuple[int, str | None, str]] = row.opinions
    return Facts(dict(row.games), {app_id: (datetime.fromisoformat(at), said) for app_id, said, at in opinions})
