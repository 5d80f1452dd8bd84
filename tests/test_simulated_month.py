"""A month of two replicas on loopback platforms, by one clock that is moved by hand, with kills at random points.

From 11 October to 10 November 2026: thirty nights, four weeks of digests, Europe's clock change on 25 October and
America's on 1 November, a channel that is deleted, two nights whose import is garbage. Replicas are processes that are
ended by SIGKILL whenever a seeded die says so, mostly while they are at work.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bot.presses import pressed
from bot.settings import Settings
from bot.warehouse import open_warehouse
from jobs.digest_times import last_due
from jobs.timetable import TIMETABLE
from jobs.training import train
from recommender.evaluate import best
from recommender.interactions import Interactions
from recommender.library import Library
from recommender.metrics import ndcg
from recommender.registry import Registry
from storage.database import Database
from storage.datasets.sample import sample_games, sample_interactions
from storage.digests import Digests, State
from storage.runs import Outcome, Run, Runs
from storage.subscriptions import Subscription, Subscriptions
from storage.warehouse_rows import SAMPLE_SOURCE, games_batch
from tests.databases import empty, migrated
from tests.digest_world import Hands, cards, codes
from tests.loopback_discord import LoopbackDiscord
from tests.loopback_slack import LoopbackSlack
from tests.processes import ROOT

BEGIN = datetime(2026, 10, 11, 12, tzinfo=UTC)
NIGHTS = 30
END = BEGIN + timedelta(days=NIGHTS)
STEP = timedelta(hours=3)
NEAR = timedelta(minutes=5)
PLAYERS = 900
GARBAGE = (9, 17)
"""Nights after an import of rows whose games are mixed up."""
JOINED = 25
"""Players that an import brings every third day."""
GONE = 15
"""The day on which a channel is deleted."""
KILLS = 14
ANSWER = 90.0
ALONE = 6
"""Days after which the tortoise is not killed any more."""
SETTLED = 12
"""Days after which the memory of a process that lives on has settled."""


@dataclass
class Replica:
    """A process, which may be ended and begun anew; `told` is its last answer."""

    name: str
    env: Mapping[str, str]
    log: Path
    process: Process | None = None
    told: dict[str, Any] = field(default_factory=dict)

    async def start(self) -> None:
        command = ("-m", "tests.month_process", self.name)
        with self.log.open("ab") as said:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=ROOT, env=self.env, stdin=PIPE, stdout=PIPE, stderr=said
            )

    async def say(self, at: datetime, do: str, **more: object) -> dict[str, Any]:
        self._write(at, do, **more)
        return await self._answer()

    async def say_and_die(self, at: datetime, after: float) -> bool:
        """A tick in which it is killed; False where it was done before."""
        self._write(at, "tick")
        answering = asyncio.create_task(self._answer())
        await asyncio.wait({answering}, timeout=after)
        done = answering.done()
        await self.kill()
        await asyncio.wait({answering})
        answering.exception()
        return not done

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def end(self) -> int:
        """In good order: its input ends."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await asyncio.wait_for(self.process.wait(), ANSWER)

    def _write(self, at: datetime, do: str, **more: object) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"at": at.isoformat(), "do": do, **more}).encode() + b"\n")

    async def _answer(self) -> dict[str, Any]:
        assert self.process is not None
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), ANSWER)
        assert line, f"{self.name} ended:\n{self.log.read_text()[-3000:]}"
        self.told = json.loads(line)
        return self.told


@dataclass
class Month:
    """`wounds` counts the kills in which a replica was at work."""

    settings: Settings
    url: str
    pair: tuple[Replica, Replica]
    hands: Hands
    discord: LoopbackDiscord
    slack: LoopbackSlack
    die: random.Random
    kills: int = 0
    wounds: int = 0
    memory: dict[int, int] = field(default_factory=dict)

    @property
    def registry(self) -> Registry:
        return Registry(self.settings.models)

    async def tick(self, at: datetime, victim: Replica | None = None) -> None:
        """Both look at the timetable in the same moment; a victim dies within some seconds, and is begun anew."""
        self.hands.moment = at
        survivor, other = self.pair if victim is not self.pair[0] else self.pair[::-1]
        if victim is None:
            await asyncio.gather(survivor.say(at, "tick"), other.say(at, "tick"))
            return
        self.kills += 1
        hit, _ = await asyncio.gather(victim.say_and_die(at, self.die.uniform(0, 4)), survivor.say(at, "tick"))
        self.wounds += hit
        later = at + timedelta(minutes=2)
        self.hands.moment = later
        await asyncio.gather(survivor.say(later, "tick"), victim.start())

    async def day(self, number: int, at: datetime) -> None:
        """Some people ask, react and link; every third day players are imported, before two nights garbage."""
        asking = self.pair[number % 2]
        for person in range(3):
            await asking.say(at, "ask", **_said(number, person, self.die))
        if number % 3 == 0:
            await self._import(_renamed(_players(JOINED, seed=3000 + number), f"day-{number}"))

    async def garbage(self) -> None:
        shutil.copy(self.settings.warehouse_file, self.settings.warehouse_file.with_suffix(".backup"))
        await self._import(_renamed(_mixed_up(_players(PLAYERS, seed=77)), "garbage"))

    def cleaned(self) -> None:
        """What an operator does who reads the report: the file is put back, and hears the lake anew."""
        shutil.copy(self.settings.warehouse_file.with_suffix(".backup"), self.settings.warehouse_file)

    async def _import(self, rows: pa.RecordBatch) -> None:
        def load() -> None:
            with open_warehouse(self.settings) as warehouse:
                warehouse.load_interactions([rows], "import", self.hands.moment)

        await asyncio.to_thread(load)


@asynccontextmanager
async def month(folder: Path, url: str) -> AsyncIterator[Month]:
    hands = Hands(BEGIN)
    async with LoopbackDiscord() as discord, LoopbackSlack(between_posts=0) as slack:
        discord.world.clock = slack.world.clock = hands.seconds
        status = slack.channel(name="status")
        chosen = {
            "INDIEAN_HOME": str(folder),
            "INDIEAN_DATABASE_URL": url,
            "INDIEAN_DISCORD_TOKEN": discord.token,
            "INDIEAN_DISCORD_API_URL": discord.url,
            "INDIEAN_DISCORD_GATEWAY_URL": discord.gateway_url,
            "INDIEAN_SLACK_BOT_TOKEN": slack.bot_token,
            "INDIEAN_SLACK_APP_TOKEN": slack.app_token,
            "INDIEAN_SLACK_API_URL": slack.url,
            "INDIEAN_SLACK_STATUS_CHANNEL": status.id,
            "INDIEAN_STEAM_API_URL": "http://127.0.0.1:9",
            "INDIEAN_MIN_GAMES": "5",
            "INDIEAN_KEEP_MODELS": "4",
            "OMP_NUM_THREADS": "1",
        }
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **chosen}
        names = {name.removeprefix("INDIEAN_").lower(): value for name, value in chosen.items() if "INDIEAN" in name}
        settings = Settings.model_validate(names)
        await asyncio.to_thread(_first_model, settings)
        pair = (Replica("hare", env, folder / "hare.log"), Replica("tortoise", env, folder / "tortoise.log"))
        played = Month(settings, url, pair, hands, discord, slack, random.Random(11))
        try:
            await asyncio.gather(*(replica.start() for replica in pair))
            yield played
        finally:
            for replica in pair:
                await replica.kill()


async def test_a_month(tmp_path: Path) -> None:
    async with empty("postgres", tmp_path) as url, month(tmp_path / "home", url) as played:
        channels = await _subscribe(played)
        truth = _Truth(played.registry)
        await _play(played, channels, truth)
        ends = [await replica.end() for replica in played.pair]
        async with migrated(url) as database:
            runs = await Runs(database).recent(100_000)
            weeks = await _weeks(database, channels)

        assert ends == [0, 0]
        assert played.kills == KILLS
        _every_run_is_accounted_for(runs, played)
        _each_digest_stands_once(played, channels, weeks)
        _never_a_worse_model(runs, truth)
        _memory_is_flat(played)
        assert played.slack.warnings == []


async def _play(played: Month, channels: Mapping[str, Subscription], truth: _Truth) -> None:
    moments = list(_moments(channels.values()))
    busy = [at for at in moments if _night(at) or any(_just_due(one, at) for one in channels.values())]
    fatal = set(played.die.sample(busy, KILLS))
    day = 0
    for at in moments:
        if (at - BEGIN).days >= day and at.hour >= BEGIN.hour:
            day += 1
            played.memory[day] = played.pair[1].told.get("memory", 0)
            await played.day(day, at)
            if day in GARBAGE:
                await played.garbage()
            if day == GONE:
                played.discord.removed(played.discord.world.channels[channels["goner"].channel])
        await played.tick(at, _victim(played, at) if at in fatal else None)
        if _night(at) and at.minute >= 25:
            await asyncio.to_thread(truth.look)
            if day in GARBAGE:
                played.cleaned()


def _victim(played: Month, at: datetime) -> Replica:
    """Mostly who leads, and so is at work; the tortoise is left alone once its memory is watched."""
    hare, tortoise = played.pair
    if at > BEGIN + timedelta(days=ALONE - 1):
        return hare
    return next((one for one in played.pair if one.told.get("leads")), tortoise)


def _moments(subscriptions: Iterable[Subscription]) -> list[datetime]:
    """Every three hours, and often around a night's fit and around each digest."""
    found = {BEGIN + STEP * at for at in range(int((END - BEGIN) / STEP))}
    for day in range(NIGHTS + 1):
        night = (BEGIN + timedelta(days=day)).replace(hour=3, minute=15)
        found |= {night, night + 2 * NEAR}
    for one in subscriptions:
        for week in range(-1, 6):
            due = last_due(one, BEGIN + timedelta(weeks=week)).at
            found |= {due + NEAR * at for at in range(-3, 5)}
    return sorted(at for at in found if BEGIN <= at < END)


def _night(at: datetime) -> bool:
    return at.hour == 3 and at.minute in {15, 25}


def _just_due(subscription: Subscription, at: datetime) -> bool:
    return abs(at - last_due(subscription, at + 3 * NEAR).at) <= 3 * NEAR


async def _subscribe(played: Month) -> dict[str, Subscription]:
    """Those whose clocks change are due in the very hour that is struck twice."""
    discord, slack = played.discord, played.slack
    wanted = {
        "berlin": ("discord", discord.channel(name="berlin").id, discord.home.id, 6, 2, "Europe/Berlin", "en"),
        "seoul": ("discord", discord.channel(name="seoul").id, discord.home.id, 4, 18, "Asia/Seoul", "ko"),
        "goner": ("discord", discord.channel(name="goner").id, discord.home.id, 2, 12, "UTC", "en"),
        "new york": ("slack", slack.channel(name="york").id, slack.home.id, 6, 1, "America/New_York", "en"),
        "utc": ("slack", slack.channel(name="utc").id, slack.home.id, 2, 9, "UTC", "en"),
    }
    found = {
        name: Subscription(
            platform, channel, server, weekday, hour, zone, (), language, adult=False, by="ann", since=BEGIN
        )
        for name, (platform, channel, server, weekday, hour, zone, language) in wanted.items()
    }
    async with migrated(played.url) as database:
        for subscription in found.values():
            await Subscriptions(database).keep(subscription)
    return found


async def _weeks(database: Database, channels: Mapping[str, Subscription]) -> dict[str, Counter[str]]:
    """By channel, how many of its digests ended in each state."""
    rows = await Digests(database).of_weeks({f"2026-W{week}" for week in range(40, 48)})
    return {
        name: Counter(str(row.state) for slot, row in rows.items() if slot.channel == one.channel)
        for name, one in channels.items()
    }


def _every_run_is_accounted_for(runs: Sequence[Run], played: Month) -> None:
    """One end a fire time of the night; a killed attempt was followed by the next one."""
    assert all(run.ended is not None for run in runs)
    nights: dict[datetime, list[Run]] = {}
    for run in runs:
        if run.job == "nightly" and run.outcome is not Outcome.NEW:
            nights.setdefault(run.due, []).append(run)
    for attempts in nights.values():
        attempts.sort(key=lambda run: run.attempt)
        *killed, last = attempts

        assert [run.attempt for run in attempts] == list(range(1, len(attempts) + 1))
        assert {run.outcome for run in killed} <= {Outcome.KILLED}
        assert last.outcome is Outcome.DONE
    dues = sorted(nights)

    assert len(dues) == NIGHTS
    assert {later - due for due, later in pairwise(dues)} == {timedelta(days=1)}
    assert {run.outcome for run in runs} <= {Outcome.NEW, Outcome.DONE, Outcome.SKIPPED, Outcome.KILLED}
    assert sum(run.outcome is Outcome.KILLED for run in runs) <= played.wounds
    assert {run.job for run in runs} == {job.name for job in TIMETABLE}


def _each_digest_stands_once(
    played: Month, channels: Mapping[str, Subscription], weeks: Mapping[str, Counter[str]]
) -> None:
    for name, one in channels.items():
        dues = {last_due(one, BEGIN + timedelta(days=day)) for day in range(1, NIGHTS + 1)}
        due = sum(one.since < each.at < END for each in dues)
        stood = _stood(played, one)
        if name == "goner":
            assert weeks[name] == {State.SENT: len(stood), State.GONE: 1}
            continue

        assert len(stood) == due, name
        assert weeks[name] == {State.SENT: due}
        assert all(3 <= len(shown) <= 7 for shown in stood)
        assert len({app_id for shown in stood for app_id in shown}) == sum(map(len, stood))


def _stood(played: Month, one: Subscription) -> list[list[int]]:
    """The games of each digest in a channel; on Discord one may be two messages of the same moment."""
    if one.platform == "slack":
        channel = played.slack.world.channels[one.channel]
        return [cards(message.body.blocks) for message in played.slack.posted(channel)]
    digests: dict[str, list[int]] = {}
    for message in played.discord.world.messages.values():
        if message.channel_id == one.channel:
            answer = _answer_of(message.body.components)
            digests.setdefault(answer, []).extend(cards(message.body.components))
    return list(digests.values())


def _answer_of(components: object) -> str:
    found = {press.answer for press in map(pressed, codes(components)) if press is not None and press.answer}
    (answer,) = found
    return answer


class _Truth:
    """How good the published models really are, for players of the same world whom no import brings."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._players = list(_halves(_players(600, seed=99)))
        self.quality: dict[str, float] = {}
        self.look()

    def look(self) -> None:
        """nDCG@10 of what answers now, half of each player's games shown, the other half to be found."""
        served = self._registry.open_current()
        if served.version in self.quality:
            return
        items = served.scorer.items
        folded = [items.owned(Library(shown)) for shown, _ in self._players]
        scores = served.scorer.score_many(Interactions.of_rows(items, folded))
        for row, owned in enumerate(folded):
            scores[row, owned.positions] = -np.inf
        wanted = [items.positions(hidden) for _, hidden in self._players]
        ranked = best(scores)
        hits = np.array([np.isin(row, hidden[hidden >= 0]) for row, hidden in zip(ranked, wanted, strict=True)])
        targets = np.array([int((hidden >= 0).sum()) for hidden in wanted])
        self.quality[served.version] = float(ndcg(hits, targets, 10).mean())


def _halves(rows: pa.RecordBatch) -> Iterator[tuple[dict[int, int], list[int]]]:
    """Of each player with ten games or more: those that are shown, with their minutes, and those that are not."""
    libraries: dict[str, dict[int, int]] = {}
    for player, app_id, minutes in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        libraries.setdefault(player, {})[app_id] = minutes
    for owned in libraries.values():
        if len(owned) >= 10:
            app_ids = sorted(owned)
            yield {app_id: owned[app_id] for app_id in app_ids[::2]}, app_ids[1::2]


def _never_a_worse_model(runs: Sequence[Run], truth: _Truth) -> None:
    """Garbage was refused, and what answers never lost what can be told.

    Some good nights are refused as well: a hundred people are few to tell better from worse by.
    """
    reports = {run.due.date(): run.report for run in runs if run.job == "nightly" and run.report is not None}
    refused = {due for due, report in reports.items() if _refused(report["verdict"])}
    published = [report["version"] for _, report in sorted(reports.items())]
    first, *later = truth.quality.values()

    assert refused >= {(BEGIN + timedelta(days=day)).date() for day in GARBAGE}
    assert len(set(published)) > NIGHTS // 2
    assert all(quality > first - 0.01 for quality in later)
    assert set(published) <= truth.quality.keys()


def _refused(verdict: Any) -> bool:
    return verdict is not None and not verdict["publish"]


def _memory_is_flat(played: Month) -> None:
    """Of a process that answered, learned, followed, led and sent for more than three weeks."""
    settled = [memory for day, memory in sorted(played.memory.items()) if day > SETTLED]
    begin, end = np.median(settled[:5]), np.median(settled[-5:])

    assert end < 1.12 * begin, settled


def _first_model(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.load_games([games_batch(sample_games())], SAMPLE_SOURCE, BEGIN)
        warehouse.load_interactions([_players(PLAYERS, seed=2026)], SAMPLE_SOURCE, BEGIN)
        train(warehouse, Registry(settings.models), settings.training(), now=BEGIN - timedelta(days=1))


def _players(count: int, seed: int) -> pa.RecordBatch:
    return pa.Table.from_batches(sample_interactions(count, seed)).combine_chunks().to_batches()[0]


def _renamed(rows: pa.RecordBatch, begin: str) -> pa.RecordBatch:
    names = pa.array([f"{begin}-{name}" for name in rows["player"].to_pylist()])
    return pa.RecordBatch.from_arrays([names, rows["app_id"], rows["minutes"]], schema=rows.schema)


def _mixed_up(rows: pa.RecordBatch) -> pa.RecordBatch:
    """As where a column of ids is that of another set."""
    known = np.unique(rows["app_id"].to_numpy())
    other = dict(zip(known.tolist(), np.random.default_rng(5).permutation(known).tolist(), strict=True))
    app_ids = pa.array([other[app_id] for app_id in rows["app_id"].to_pylist()], pa.int32())
    return pa.RecordBatch.from_arrays([rows["player"], app_ids, rows["minutes"]], schema=rows.schema)


def _said(day: int, person: int, die: random.Random) -> dict[str, object]:
    """One of a dozen people, all of roguelikes: asks in a channel, likes some games and hides one."""
    games = sample_games()
    loved = [game for game in games if game.tags and "Roguelike" in " ".join(game.tags)]
    liked = die.sample(loved, 3)
    name = f"person-{(3 * day + person) % 12}"
    library = {str(game.app_id): 60 * die.randint(1, 90) for game in die.sample(loved, 12)}
    return {
        "id": f"{day}-{person}",
        "platform": "discord",
        "person": name,
        "server": "server",
        "channel": "channel",
        "titles": [game.title for game in liked[:2]],
        "likes": [game.app_id for game in liked],
        "hides": [die.choice(games).app_id],
        "library": library if day % 5 == 0 else {},
    }
