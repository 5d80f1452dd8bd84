"""Which channel has had which week's digest: one row a channel and ISO week, claimed before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, RowMapping, func, select, update

from storage.database import Database, insert_new
from storage.schema import digests


class State(StrEnum):
    """`unsure` may stand in the channel or not and is never sent again; `missed` was nobody there to send."""

    CLAIMED = "claimed"
    RETRY = "retry"
    SENT = "sent"
    SKIPPED = "skipped"
    MISSED = "missed"
    GONE = "gone"
    GIVEN_UP = "given_up"
    UNSURE = "unsure"


OPEN = frozenset({State.CLAIMED, State.RETRY})
TROUBLES = (State.RETRY, State.SKIPPED, State.MISSED, State.GIVEN_UP, State.UNSURE)
"""What the people who run the bot hear of, gathered."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One digest of one channel; `week` is an ISO week of the channel's clock, such as 2026-W53."""

    platform: str
    channel: str
    week: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A game in a digest: which `part` of the choice it came from, how many `people` speak for it, by which `tags`."""

    app_id: int
    part: str
    people: int = 0
    tags: tuple[str, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """`why` is a word or sentence for the operator; `next_at` is there while it is to be tried again."""

    slot: Slot
    state: State
    attempts: int
    claimed_at: datetime
    next_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one digest until the lease ends.

    `begun` is when it was first claimed, `attempts` counts this one. What an earlier attempt has decided comes along:
    `shown`, by the model `model`, and `stands_at`, when it is to be seen in the channel, where that was handed over.
    `unfinished` says that nobody knows what became of that attempt.
    """

    slot: Slot
    answer: str
    replica: str
    begun: datetime
    claimed_at: datetime
    attempts: int = 1
    unfinished: bool = False
    shown: tuple[Shown, ...] = ()
    model: str | None = None
    stands_at: datetime | None = None


class Digests:
    """Every method raises DatabaseUnavailable and DatabaseError as Database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_weeks(self, weeks: Collection[str]) -> dict[Slot, Row]:
        """All there is of these weeks."""
        these = select(digests).where(digests.c.week.in_(weeks))
        async with self._database.reading() as connection:
            rows = [_row(row) for row in (await connection.execute(these)).mappings()]
        return {row.slot: row for row in rows}

    async def taken(self, platform: str, channel: str, weeks: Collection[str]) -> frozenset[str]:
        """Which of these weeks the channel has had, or will not get any more."""
        closed = digests.c.state.not_in(OPEN)
        these = select(digests.c.week).where(_of_channel(platform, channel, weeks), closed)
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(these))

    async def shown(self, platform: str, channel: str, weeks: Collection[str]) -> frozenset[int]:
        """App ids that stood in the channel's digests of these weeks, or may have."""
        stood = digests.c.state.in_((State.CLAIMED, State.SENT, State.UNSURE))
        these = select(digests.c.shown).where(_of_channel(platform, channel, weeks), stood)
        async with self._database.reading() as connection:
            return frozenset(one["app_id"] for each in await connection.scalars(these) for one in each)

    async def claim(
        self, slot: Slot, server: str | None, now: datetime, lease: timedelta, replica: str, answer: str
    ) -> Claim | None:
        """None where another has it, or it is not to be tried now, or never again.

        One that was claimed longer than `lease` ago is taken over, with what its attempt had decided. `answer` becomes
        the id of the digest where nobody has claimed it before.
        """
        new = {
            **asdict(slot),
            "server": server,
            "state": State.CLAIMED,
            "attempts": 1,
            "answer": answer,
            "replica": replica,
            "begun_at": now,
            "claimed_at": now,
            "shown": [],
        }
        async with self._database.transaction() as connection:
            inserted = await connection.execute(insert_new(connection, digests).values(new))
            if inserted.rowcount:
                return Claim(slot, answer, replica, now, now)
            row = (await connection.execute(select(digests).where(_this(slot)))).mappings().one()
            if not _free(row, now, lease):
                return None
            mine = {"state": State.CLAIMED, "replica": replica, "claimed_at": now, "attempts": row["attempts"] + 1}
            unchanged = (digests.c.state == row["state"]) & (digests.c.claimed_at == row["claimed_at"])
            taken = await connection.execute(
                update(digests).where(_this(slot), unchanged, digests.c.attempts == row["attempts"]).values(mine)
            )
        return _claim(slot, row, replica, now) if taken.rowcount else None

    async def decided(self, claim: Claim, shown: Sequence[Shown], model: str, stands_at: datetime) -> bool:
        """Notes what is about to be sent; False where the claim was taken over meanwhile."""
        return await self._change(
            claim, shown=[asdict(one) | {"tags": list(one.tags)} for one in shown], model=model, stands_at=stands_at
        )

    async def sent(self, claim: Claim, message: str, now: datetime) -> bool:
        return await self._change(
            claim, state=State.SENT, message=message, sent_at=now, next_at=None, why=None, untold=False
        )

    async def retry(self, claim: Claim, next_at: datetime, why: str) -> bool:
        """It surely does not stand there; what was decided still holds, and when it is to stand there is open again."""
        again = digests.c.told_at.is_(None)  # that it is tried again is told once
        return await self._change(claim, state=State.RETRY, next_at=next_at, why=why, stands_at=None, untold=again)

    async def close(self, claim: Claim, state: State, why: str) -> bool:
        return await self._change(claim, state=state, next_at=None, why=why, untold=state in TROUBLES)

    async def overdue(
        self, slot: Slot, server: str | None, seen: Row | None, state: State, why: str, now: datetime
    ) -> bool:
        """Closes what is open as it was `seen`, or was never begun, in that state; False where it is so no more."""
        new = {
            **asdict(slot),
            "server": server,
            "state": state,
            "attempts": 0,
            "answer": "",
            "replica": "",
            "begun_at": now,
            "claimed_at": now,
            "shown": [],
            "why": why,
            "untold": True,
        }
        closed = {"state": state, "next_at": None, "why": why, "untold": True}
        async with self._database.transaction() as connection:
            if seen is None:
                return (await connection.execute(insert_new(connection, digests).values(new))).rowcount > 0
            unchanged = digests.c.state.in_(OPEN) & (digests.c.attempts == seen.attempts)
            still = update(digests).where(_this(slot), unchanged, digests.c.state == seen.state).values(closed)
            return (await connection.execute(still)).rowcount > 0

    async def gather(self, weeks: Collection[str], now: datetime, every: timedelta) -> list[Row]:
        """The troubles of these weeks that nobody was told yet, which then count as told: at most once in `every`."""
        these = digests.c.week.in_(weeks)
        untold = these & digests.c.untold
        async with self._database.reading() as connection:  # most runs find none, and should make no writer wait
            if await connection.scalar(select(digests.c.week).where(untold).limit(1)) is None:
                return []
        async with self._database.transaction() as connection:
            last = await connection.scalar(select(func.max(digests.c.told_at)).where(these))
            if last is not None and now - last < every:
                return []
            rows = (
                (
                    await connection.execute(
                        update(digests).where(untold).values(told_at=now, untold=False).returning(digests)
                    )
                )
                .mappings()
                .all()
            )
        return sorted(
            (_row(row) for row in rows),
            key=lambda row: (row.slot.platform, row.slot.channel, row.slot.week),
        )

    async def _change(self, claim: Claim, **values: object) -> bool:
        """Only as long as the claim is still this one."""
        mine = (digests.c.replica == claim.replica) & (digests.c.attempts == claim.attempts)
        held = mine & (digests.c.state == State.CLAIMED)
        async with self._database.transaction() as connection:
            return (
                await connection.execute(update(digests).where(_this(claim.slot), held).values(values))
            ).rowcount > 0


def _free(row: RowMapping, now: datetime, lease: timedelta) -> bool:
    if row["state"] == State.RETRY:
        return bool(row["next_at"] <= now)
    return bool(row["state"] == State.CLAIMED and row["claimed_at"] <= now - lease)


def _claim(slot: Slot, row: RowMapping, replica: str, now: datetime) -> Claim:
    return Claim(
        slot,
        row["answer"],
        replica,
        begun=row["begun_at"],
        claimed_at=now,
        attempts=row["attempts"] + 1,
        unfinished=row["state"] == State.CLAIMED,
        shown=tuple(_shown(row["shown"])),
        model=row["model"],
        stands_at=row["stands_at"],
    )


def _shown(said: Iterable[Mapping[str, object]]) -> Iterable[Shown]:
    return (Shown(**{**one, "tags": tuple(one["tags"])}) for one in said)  # type: ignore[arg-type] # JSON of `decided`


def _row(row: RowMapping) -> Row:
    slot = Slot(row["platform"], row["channel"], row["week"])
    state = State(row["state"])
    return Row(slot, state, row["attempts"], row["claimed_at"], row["next_at"], row["why"] or "")


def _this(slot: Slot) -> ColumnElement[bool]:
    return (digests.c.week == slot.week) & (digests.c.platform == slot.platform) & (digests.c.channel == slot.channel)


def _of_channel(platform: str, channel: str, weeks: Collection[str]) -> ColumnElement[bool]:
    return digests.c.week.in_(weeks) & (digests.c.platform == platform) & (digests.c.channel == channel)
