"""The bot under load, whatever the chat: crowds, typing, a long run, a model trained beside, a kill; and the report."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np

from benchmarks.loopback_bot import Home, resident, without_settings
from bot.messages import Language
from bot.presses import Deed, pressed
from bot.settings import Settings, read_settings
from bot.wording import Wording
from jobs.charts import ALL, GROUPED, SIZE
from jobs.charts import QUIET as PALE
from tests.bot_process import until

SAMPLED = 500
"""Commands between two looks at the memory."""
QUIET = 1.0
"""Seconds without a further message after which an answer is taken for whole."""
SORRY, GONE = ("failed",), ("refused.answer_gone", "platform.old_button")
"""Sentences that are an answer, and yet none."""
PRESSED = (Deed.NEXT, Deed.LIKE, Deed.WHY)
PATIENCE = 30.0
TYPED, LETTERS = 20, 50
LATE = 3.5
"""Seconds after which whatever a chat refuses for having come too late is refused."""
CROWDS = 5
"""That come while a model is trained."""
MOST_SHOWN = 10


class Step(Protocol):
    @property
    def after(self) -> float: ...


class Asked(Protocol):
    """One thing that somebody did, and all that the bot did about it."""

    began: float

    @property
    def steps(self) -> Sequence[Step]: ...
    @property
    def text(self) -> str: ...


A = TypeVar("A", bound=Asked)
Press = tuple[Deed | None, Callable[[], A]]
"""What a button is for, and pressing it."""


class Stage(Protocol[A]):
    """A chat with members, each of whom gives the next command in turn."""

    home: Home

    @property
    def refused(self) -> list[str]:
        """What the chat did not take."""
        ...

    def serving(self) -> AbstractAsyncContextManager[Process]: ...
    def begin(self) -> A: ...
    async def prepare(self, count: int) -> None:
        """Whatever so many people need before they can type."""
        ...

    async def type(self) -> A: ...
    def presses(self, answer: A) -> list[Press[A]]:
        """Every button and entry of a menu that stands under an answer now."""
        ...

    async def settled(self, asked: A) -> bool:
        """Waits for the answer; False where there is none, or none in time."""
        ...

    def first(self, asked: A) -> float | None:
        """Seconds to the first sign of life."""
        ...

    def answered(self, asked: A) -> bool: ...
    def twice(self, asked: A) -> bool: ...
    def forget(self, asked: A) -> None: ...
    def forgive(self, before: int) -> None:
        """Lets go of what was refused after so many others."""
        ...


@dataclass(frozen=True)
class Measured:
    """Seconds; `whole` is until the last of the messages that an answer consists of."""

    name: str
    asked: int
    lost: int
    twice: int
    sorry: int
    first_p99: float
    first_max: float
    whole_p50: float
    whole_p99: float
    whole_max: float
    took: float


@dataclass(frozen=True)
class Memory:
    """Megabytes after so many commands; `slope` is what a thousand commands add, over the second half."""

    commands: list[int]
    megabytes: list[float]
    slope: float
    lost: int
    refused: int
    seconds: float


@dataclass(frozen=True)
class Restart:
    """`cut` commands were under way when the bot was killed; `gone` presses heard that the answer is no more."""

    answers: int
    cut: int
    back: float
    pressed: int
    lost: int
    gone: int
    sorry: int


@dataclass(frozen=True)
class Found:
    """`ticks` are the milliseconds, at worst and p99, that the event loop was late meanwhile."""

    crowd: list[Measured]
    ticks: dict[str, tuple[int, int]]
    memory: Memory
    restart: Restart
    refused: list[str]


Staged = Callable[[Settings, int], AbstractAsyncContextManager[Stage[A]]]


def main(described: str, staged: Staged[A]) -> None:
    parser = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    settings = read_settings()
    with without_settings():
        found = asyncio.run(_measure(settings, staged, chosen))
    if chosen.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        _print(found)
    if chosen.chart is not None:
        _draw(found.memory, chosen.chart)


async def _measure(settings: Settings, staged: Staged[A], chosen: argparse.Namespace) -> Found:
    async with staged(settings, chosen.members) as stage:
        run, ticks = _Run(stage, chosen.members, chosen.at_once), {}
        async with run.up():
            crowd = await run.crowd("at once")
            await stage.prepare(TYPED)
            crowd += [await run.typing(TYPED), await run.typing(1)]
        ticks["crowds and typing"] = stage.home.ticks()
        async with run.up():
            crowd += await run.crowd_while_training()
        ticks["crowds while a model is trained"] = stage.home.ticks()
        async with run.up() as process:
            memory = await run.long_run(process.pid, chosen.commands)
        ticks["the long run"] = stage.home.ticks()
        restart = await run.restarted()
        return Found(crowd, ticks, memory, restart, sorted(set(stage.refused)))


@dataclass(frozen=True)
class _Run(Generic[A]):
    stage: Stage[A]
    members: int
    at_once: int

    def up(self) -> AbstractAsyncContextManager[Process]:
        return _warm(self.stage)

    async def crowd(self, name: str) -> list[Measured]:
        """Everybody at once, first with a command and then with a button under the answer to it."""
        commands, presses = await self._crowded()
        return [
            self._measured(f"{len(commands)} commands {name}", commands),
            self._measured(f"{len(presses)} presses {name}", presses),
        ]

    async def crowd_while_training(self) -> list[Measured]:
        """Crowd after crowd: they leave little to what trains at the lowest priority, so that it goes on for long."""
        commands, presses = list[A](), list[A]()
        async with self.stage.home.training() as process:
            for _ in range(CROWDS):
                if process.returncode is not None:
                    break
                commanded, pressed = await self._crowded()
                commands, presses = commands + commanded, presses + pressed
        rounds = len(commands) // self.members
        return [
            self._measured(f"{self.members} commands at once while a model is trained, {rounds} times", commands),
            self._measured("and presses", presses),
        ]

    async def typing(self, at_once: int) -> Measured:
        """So many people type a title at a time, letter by letter: the chat asks for completions at each."""
        asked = list[A]()
        for _ in range(LETTERS):
            asked += await asyncio.gather(*(self.stage.type() for _ in range(at_once)))
        return self._measured(
            f"completions, {at_once} people typing" if at_once > 1 else "completions, one person typing", asked
        )

    async def long_run(self, pid: int, count: int) -> Memory:
        """Commands one after the other, a few at a time: what a bot that is up for long goes through."""
        gate, commands, megabytes, lost = asyncio.Semaphore(self.at_once), [0], [resident(pid)], 0
        began, before = time.perf_counter(), len(self.stage.refused)
        while commands[-1] < count:
            batch = min(SAMPLED, count - commands[-1])
            answers = await asyncio.gather(*(self._one(gate) for _ in range(batch)))
            lost += answers.count(False)
            commands.append(commands[-1] + len(answers))
            megabytes.append(resident(pid))
        half = len(commands) // 2
        slope = float(np.polyfit(commands[half:], megabytes[half:], 1)[0]) * 1000 if len(commands) > half + 1 else 0.0
        refused = len(self.stage.refused) - before
        return Memory(commands, megabytes, slope, lost, refused, time.perf_counter() - began)

    async def restarted(self) -> Restart:
        """Killed while commands are under way; then every button of what had been answered before that is pressed."""
        stage = self.stage
        async with self.up() as process:
            answers = [stage.begin() for _ in range(self.members)]
            await self._settle(answers)
            cut = [stage.begin() for _ in range(self.members)]
            await until(lambda: sum(map(stage.answered, cut)) >= self.members // 4, PATIENCE)
            before = len(stage.refused)
            process.kill()
            await process.wait()
        under_way = sum(not stage.answered(one) for one in cut)
        gone = time.perf_counter()
        async with stage.serving():
            back = time.perf_counter() - gone
            await asyncio.sleep(LATE)
            stage.forgive(before)
            gate = asyncio.Semaphore(self.at_once)
            each = await asyncio.gather(*(self._press_all(gate, one) for one in answers))
        presses = [press for one in each for press in one]
        return Restart(
            answers=sum(map(stage.answered, answers)),
            cut=under_way,
            back=back,
            pressed=len(presses),
            lost=sum(not stage.answered(one) for one in presses),
            gone=sum(_says(one, GONE) for one in presses),
            sorry=sum(_says(one, SORRY) for one in presses),
        )

    async def _one(self, gate: asyncio.Semaphore) -> bool:
        async with gate:
            asked = self.stage.begin()
            answered = await self.stage.settled(asked)
        await asyncio.sleep(QUIET)  # the pages that follow the first
        self.stage.forget(asked)
        return answered

    async def _crowded(self) -> tuple[list[A], list[A]]:
        commands = [self.stage.begin() for _ in range(self.members)]
        await self._settle(commands)
        wanted = [(self.stage.presses(one), PRESSED[at % len(PRESSED)]) for at, one in enumerate(commands)]
        presses = [_chosen(there, deed)() for there, deed in wanted if there]
        await self._settle(presses)
        return commands, presses

    async def _settle(self, asked: Sequence[A]) -> None:
        """Waits until all have their answer and nothing more is said: an answer may be of several messages."""
        await asyncio.gather(*(self.stage.settled(one) for one in asked))
        for _ in range(int(PATIENCE / QUIET)):
            steps = sum(len(one.steps) for one in asked)
            await asyncio.sleep(QUIET)
            if steps == sum(len(one.steps) for one in asked):
                return

    async def _press_all(self, gate: asyncio.Semaphore, answer: A) -> list[A]:
        """All that stood under an answer when it was whole, though a press may change what stands there."""
        pressed = list[A]()
        for _, press in self.stage.presses(answer):
            async with gate:
                pressed.append(press())
                await self.stage.settled(pressed[-1])
        return pressed

    def _measured(self, name: str, asked: Sequence[A]) -> Measured:
        answered = [one for one in asked if self.stage.answered(one)]
        firsts = np.array([self.stage.first(one) for one in answered])
        wholes = np.array([one.steps[-1].after for one in answered])
        ended = max((one.began + one.steps[-1].after for one in answered), default=0)
        return Measured(
            name,
            asked=len(asked),
            lost=len(asked) - len(answered),
            twice=sum(map(self.stage.twice, answered)),
            sorry=sum(_says(one, SORRY) for one in answered),
            first_p99=float(np.quantile(firsts, 0.99)),
            first_max=float(firsts.max()),
            whole_p50=float(np.quantile(wholes, 0.5)),
            whole_p99=float(np.quantile(wholes, 0.99)),
            whole_max=float(wholes.max()),
            took=ended - asked[0].began,
        )


@asynccontextmanager
async def _warm(stage: Stage[A]) -> AsyncIterator[Process]:
    """The first answer lays out the catalogue."""
    async with stage.serving() as process:
        await stage.settled(stage.begin())
        yield process


def _chosen(there: Sequence[Press[A]], deed: Deed) -> Callable[[], A]:
    """The first button of that kind, or whichever there is."""
    return next((press for found, press in there if found is deed), there[0][1])


def deed_of(code: str) -> Deed | None:
    press = pressed(code)
    return press.deed if press else None


def _says(asked: Asked, keys: Sequence[str]) -> bool:
    return any(beginning in asked.text for key in keys for beginning in _beginnings(key))


@cache
def _beginnings(key: str) -> list[str]:
    """A sentence in every language, up to its first variable part."""
    return [Wording(language).say(key, reference="§").split("§", maxsplit=1)[0] for language in Language]


def _print(found: Found) -> None:
    print(
        "| seconds | asked | lost | twice | sorry | first p99 | first max | whole p50 | whole p99 | whole max | took |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for one in found.crowd:
        counts = f"{one.asked} | {one.lost} | {one.twice} | {one.sorry}"
        firsts = f"{one.first_p99:.3f} | {one.first_max:.3f}"
        print(
            f"| {one.name} | {counts} | {firsts} | {one.whole_p50:.3f} | {one.whole_p99:.3f} | {one.whole_max:.3f} "
            f"| {one.took:.1f} |"
        )
    print("\n| the event loop was late, ms | at worst | p99 |\n|---|---|---|")
    for name, (worst, p99) in found.ticks.items():
        print(f"| {name} | {worst} | {p99} |")
    memory, restart = found.memory, found.restart
    print(f"\n{memory.commands[-1]:,} commands in {memory.seconds:.0f} s, {memory.lost} lost, {memory.refused} refused")
    print("| commands | memory, MB |\n|---|---|")
    for commands, megabytes in zip(memory.commands, memory.megabytes, strict=True):
        print(f"| {commands:,} | {megabytes:.0f} |")
    print(f"In the second half a thousand commands add {memory.slope:+.2f} MB.")
    print(
        f"\nKilled with {restart.cut} commands under way, back after {restart.back:.1f} s; {restart.pressed:,} buttons"
    )
    print(f"of {restart.answers} answers pressed: {restart.lost} lost, {restart.gone} gone, {restart.sorry} sorry")
    for refused in found.refused[:MOST_SHOWN]:
        print(f"refused: {refused}")


def _draw(memory: Memory, path: Path) -> None:
    """A Figure of its own and no pyplot, as in `jobs.charts`."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - its import writes a font cache

    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.plot(memory.commands, memory.megabytes, color=ALL, linewidth=2, marker="o")
    axes.set(xlabel="commands answered", ylabel="resident memory, MB")
    axes.set_ylim(bottom=0, top=1.15 * max(memory.megabytes))
    axes.xaxis.set_major_formatter(GROUPED)
    title = f"A thousand commands add {memory.slope:+.2f} MB of memory"
    axes.set_title(title, loc="left", weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=PALE, alpha=0.5)
    figure.savefig(path, format="png")
