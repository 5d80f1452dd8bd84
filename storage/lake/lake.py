"""The lake: every event as it arrived, in the order of the commits, each once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import RowMapping, Update, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database, insert_new
from storage.lake.days import drop_partitions, make_partitions
from storage.lake.events import ALL, Event, Kind, erased, player_of
from storage.schema import lake_events, lake_sequence

CHUNK = 500
"""Events a statement: far below the parameters that either database takes."""
AT_ONCE = 64 * 1024 * 1024
"""Bytes of bodies that one reading holds in memory, unless a single event has more."""
COUNTER = "lake_events"
TELLING = frozenset({Kind.LIBRARY, Kind.REACTION, Kind.ERASED})
"""The kinds of events after which something else is to be learned of somebody."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stored:
    """An event in its place; `seq` is larger than that of every event that was there before."""

    seq: int
    arrived: datetime
    event: Event


@dataclass(frozen=True, slots=True)
class Touched:
    """An event of which a player may be learned anew. `person`, with the platform, is None where they were erased."""

    seq: int
    player: str
    person: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """`last` events there ever were; `events` are there, `removed` were pruned or forgotten."""

    last: int
    events: int
    removed: int


def _now() -> datetime:
    return datetime.now(UTC)


class Lake:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does.

    Who has read up to some `seq` goes on after it and misses nothing: who writes holds the row that counts until the
    commit, so no smaller number comes to light after a larger one.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._clock = clock

    async def append(self, events: Sequence[Event]) -> int:
        """All of them or none; how many were new."""
        if not events:
            return 0
        async with self._database.transaction() as connection:
            return await add(connection, events, self._clock())

    async def after(self, seq: int, limit: int) -> list[Stored]:
        """The next events in their order: `limit` at most, fewer where their bodies come to more than AT_ONCE."""
        size = func.coalesce(func.length(lake_events.c.body), 0)
        sizes = select(lake_events.c.seq, size).where(lake_events.c.seq > seq).order_by(lake_events.c.seq).limit(limit)
        async with self._database.reading() as connection:
            upto = _as_far_as_fits([(row[0], row[1]) for row in await connection.execute(sizes)])
            if upto is None:
                return []
            these = select(lake_events).where(lake_events.c.seq.between(seq + 1, upto)).order_by(lake_events.c.seq)
            return [_stored(row) for row in (await connection.execute(these)).mappings()]

    async def touched(self, seq: int, limit: int) -> list[Touched]:
        """Of the next events after `seq` those that change what is learned of somebody: `limit` at most."""
        said = lake_events.c.payload["player"].as_string().label("player")
        of_interest = (lake_events.c.seq > seq) & lake_events.c.kind.in_(sorted(TELLING))
        these = select(lake_events.c.seq, lake_events.c.platform, lake_events.c.person, said).where(of_interest)
        async with self._database.reading() as connection:
            rows = await connection.execute(these.order_by(lake_events.c.seq).limit(limit))
            return [_touched(*row) for row in rows]

    async def told_by(self, people: Collection[tuple[str, str]], seq: int) -> list[Stored]:
        """All libraries and reactions after `seq` of some people, each by platform and id, in their order."""
        found = []
        async with self._database.reading() as connection:
            for platform in sorted({platform for platform, _ in people}):
                persons = [person for on, person in people if on == platform]
                theirs = (lake_events.c.platform == platform) & lake_events.c.person.in_(persons)
                told = theirs & (lake_events.c.seq > seq) & lake_events.c.kind.in_(sorted(TELLING))
                found += [
                    _stored(row) for row in (await connection.execute(select(lake_events).where(told))).mappings()
                ]
        return sorted(found, key=lambda stored: stored.seq)

    async def last(self) -> int:
        """The `seq` of the newest event there ever was, 0 where there was none."""
        async with self._database.reading() as connection:
            return await connection.scalar(select(lake_sequence.c.last).where(lake_sequence.c.name == COUNTER)) or 0

    async def name(self) -> str:
        """What a warehouse is to call this lake: another one's numbers mean nothing in it."""
        named = select(lake_sequence.c.lake).where(lake_sequence.c.name == COUNTER)
        async with self._database.reading() as connection:
            known: str | None = await connection.scalar(named)
        if known is not None:
            return known
        async with self._database.transaction() as connection:
            await take_turn(connection)
            return str(await connection.scalar(named))

    async def rename(self) -> str:
        """So that warehouses are told all of it anew."""
        name = uuid4().hex
        async with self._database.transaction() as connection:
            await take_turn(connection)
            await connection.execute(_counter().values(lake=name))
        return name

    async def tally(self) -> Tally:
        """Of one moment."""
        events = select(func.count()).select_from(lake_events).scalar_subquery()
        this = select(lake_sequence.c.last, events, lake_sequence.c.removed).where(lake_sequence.c.name == COUNTER)
        async with self._database.reading() as connection:
            row = (await connection.execute(this)).first()
        return Tally(*row) if row is not None else Tally(0, 0, 0)

    async def pending(self, seq: int) -> int:
        """How many events come after that one."""
        async with self._database.reading() as connection:
            counted = select(func.count()).select_from(lake_events).where(lake_events.c.seq > seq)
            return await connection.scalar(counted) or 0

    async def counts(self) -> dict[Kind, int]:
        """Without the kinds that nothing happened of."""
        each = select(lake_events.c.kind, func.count()).group_by(lake_events.c.kind)
        async with self._database.reading() as connection:
            return {Kind(kind): count for kind, count in await connection.execute(each)}

    async def prune(self, before: date, told: int, most: int) -> int:
        """Removes events of days before that one, up to number `told`: how many, and 0 once none is left.

        What no warehouse has heard stays, however old. On Postgres whole partitions go, however many events they have;
        beside them, and on SQLite, the oldest `most`.
        """
        async with self._database.transaction() as connection:
            await take_turn(connection)
            on_postgres = connection.dialect.name == "postgresql"
            dropped = await drop_partitions(connection, before, told) if on_postgres else 0
            key = (lake_events.c.day, lake_events.c.key)
            old = (lake_events.c.day < before) & (lake_events.c.seq <= told)
            oldest = select(*key).where(old).order_by(*key).limit(most)
            removed = dropped + (await connection.execute(delete(lake_events).where(tuple_(*key).in_(oldest)))).rowcount
            await note_removed(connection, removed)
            return removed


async def add(connection: AsyncConnection, events: Sequence[Event], now: datetime) -> int:
    """As `Lake.append`, in a transaction that does more than that."""
    last = await take_turn(connection)
    first: dict[tuple[date, str], Event] = {}
    for chunk in _chunks(events):
        for event in await _unknown(connection, chunk):
            first.setdefault((event.day, event.key), event)
    new = list(first.values())
    if not new:
        return 0
    if connection.dialect.name == "postgresql":
        await make_partitions(connection, {event.day for event in new}, now.date())
    for rows in _chunks([_row(seq, event, now) for seq, event in enumerate(new, last + 1)]):
        await connection.execute(insert(lake_events), rows)
    await connection.execute(_counter().values(last=last + len(new)))
    return len(new)


async def take_turn(connection: AsyncConnection) -> int:
    """Waits until nobody else writes, until the transaction ends; the `seq` of the newest event.

    Who also erases does this first: else two could wait for each other.
    """
    counter = select(lake_sequence.c.last).where(lake_sequence.c.name == COUNTER).with_for_update()
    last = await connection.scalar(counter)
    if last is None:
        await connection.execute(
            insert_new(connection, lake_sequence).values(name=COUNTER, last=0, removed=0, lake=uuid4().hex)
        )
        last = await connection.scalar(counter)
    return int(last or 0)


async def forget(
    connection: AsyncConnection, platform: str, person: str, now: datetime, kinds: frozenset[Kind] = ALL
) -> int:
    """Removes what is about them and leaves the word to do likewise for who has copied it; how many that were."""
    await take_turn(connection)
    theirs = (lake_events.c.platform == platform) & (lake_events.c.person == person)
    removed = await connection.execute(delete(lake_events).where(theirs, lake_events.c.kind.in_(sorted(kinds))))
    await note_removed(connection, removed.rowcount)
    await add(connection, [erased(platform, person, kinds, now)], now)
    return removed.rowcount


async def erased_since(connection: AsyncConnection, seq: int) -> dict[str, frozenset[Kind]]:
    """By player, what was erased after that event."""
    these = select(lake_events.c.payload).where(lake_events.c.seq > seq, lake_events.c.kind == Kind.ERASED)
    found: dict[str, frozenset[Kind]] = {}
    for payload in await connection.scalars(these):
        kinds = frozenset(map(Kind, payload["kinds"]))
        found[payload["player"]] = found.get(payload["player"], frozenset()) | kinds
    return found


async def note_removed(connection: AsyncConnection, events: int) -> None:
    """Whoever takes events out says so, after `take_turn`: what is missing without a word was lost."""
    await connection.execute(_counter().values(removed=lake_sequence.c.removed + events))


async def _unknown(connection: AsyncConnection, events: Sequence[Event]) -> list[Event]:
    """Nobody else writes meanwhile, so what is not there now is new."""
    days, keys = {event.day for event in events}, {event.key for event in events}
    there = select(lake_events.c.day, lake_events.c.key).where(lake_events.c.day.in_(days), lake_events.c.key.in_(keys))
    known = {(row.day, row.key) for row in await connection.execute(there)}
    return [event for event in events if (event.day, event.key) not in known]


def _counter() -> Update:
    return update(lake_sequence).where(lake_sequence.c.name == COUNTER)


def _chunks(all_of_them: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for begins in range(0, len(all_of_them), CHUNK):
        yield all_of_them[begins : begins + CHUNK]


def _as_far_as_fits(sizes: Sequence[tuple[int, int]]) -> int | None:
    """The last `seq` up to which the bodies fit, the first one in any case."""
    held, upto = 0, None
    for seq, size in sizes:
        held += size
        if upto is not None and held > AT_ONCE:
            break
        upto = seq
    return upto


def _row(seq: int, event: Event, now: datetime) -> dict[str, object]:
    return {
        "seq": seq,
        "day": event.day,
        "key": event.key,
        "kind": event.kind,
        "schema": event.schema,
        "at": event.at,
        "platform": event.platform,
        "person": event.person,
        "payload": dict(event.payload),
        "body": event.body,
        "arrived": now,
    }


def _stored(row: RowMapping) -> Stored:
    event = Event(
        row["key"],
        Kind(row["kind"]),
        row["at"],
        row["schema"],
        row["payload"],
        row["platform"],
        row["person"],
        row["body"],
    )
    return Stored(row["seq"], row["arrived"], event)


def _touched(seq: int, platform: str | None, person: str | None, player: str | None) -> Touched:
    if platform is None or person is None:
        return Touched(seq, player or "")
    return Touched(seq, player_of(platform, person), (platform, person))
