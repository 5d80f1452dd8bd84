"""The bot under load, as its users meet it: `indiean serve` with the model in service, on a loopback Discord.

    INDIEAN_HOME=... python -m benchmarks.discord_load [--members 200] [--commands 10000] [--at-once 32]
                                                       [--chart memory.png] [--json]

The home must hold a published model and the warehouse that the players are drawn from; nothing is written to it.
First so many members give a command in the same moment, and press a button in the same moment; then people type titles
that complete. Then commands go on, a few at once, while the bot's memory is watched. Last the bot is killed in the
middle of commands and started again, and every button of the answers from before is pressed. Seconds from Discord's
side; the servers share this machine's cores with the bot. Lost is what was not answered, or too late for Discord; twice
is what was answered a second time; sorry is an apology for an unexpected error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.loopback_bot import Stage, resident, staged, without_settings
from bot.messages import Language
from bot.settings import Settings, read_settings
from bot.wording import Wording
from jobs.charts import ALL, GROUPED, SIZE
from jobs.charts import QUIET as PALE
from tests.loopback_discord import Exchange, Unanswered, render

SAMPLED = 500
"""Commands between two looks at the memory."""
QUIET = 1.0
"""Seconds without a further message after which an answer is taken for whole."""
SORRY, GONE = ("failed",), ("refused.answer_gone", "platform.old_button")
"""Sentences that are an answer, and yet none."""
PRESSED = ("next", "like", "why_this")
ALREADY = 40060
PATIENCE = 30.0
TYPED, LETTERS = 20, 50
MOST_SHOWN = 10


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    settings = read_settings()
    with without_settings():
        found = asyncio.run(_measure(settings, chosen))
    if chosen.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        _print(found)
    if chosen.chart is not None:
        _draw(found.memory, chosen.chart)


@dataclass(frozen=True)
class Found:
    crowd: list[Measured]
    memory: Memory
    restart: Restart
    refused: list[str]


async def _measure(settings: Settings, chosen: argparse.Namespace) -> Found:
    async with staged(settings, chosen.members) as stage:
        async with stage.serving() as process:
            await stage.begin().until_answered()  # the first answer lays out the catalogue
            crowd = [*await _crowd(stage, chosen.members), await _typing(stage, TYPED), await _typing(stage, 1)]
            memory = await _long_run(stage, process.pid, chosen.commands, chosen.at_once)
        restart = await _restarted(stage, chosen.members, chosen.at_once)
        return Found(crowd, memory, restart, sorted({str(one) for one in stage.discord.refused}))


async def _crowd(stage: Stage, count: int) -> list[Measured]:
    """Everybody at once, first with a command and then with a button under the answer to it."""
    commanded = await _told(stage, f"{count} commands at once", [stage.begin for _ in range(count)])
    answers = [one for one in commanded[1] if any(message.buttons for message in one.messages)]
    presses = [partial(_press, one, PRESSED[place % len(PRESSED)]) for place, one in enumerate(answers)]
    pressed = await _told(stage, f"{len(presses)} presses at once", presses)
    return [commanded[0], pressed[0]]


async def _typing(stage: Stage, at_once: int) -> Measured:
    """So many people type a title at a time, letter by letter: Discord asks for completions at each."""
    began, asked = time.perf_counter(), []
    for _ in range(LETTERS):
        asked += await asyncio.gather(*(stage.type() for _ in range(at_once)))
    name = f"completions, {at_once} people typing" if at_once > 1 else "completions, one person typing"
    return _measured(name, asked, 0, time.perf_counter() - began)


async def _told(stage: Stage, name: str, begun: Sequence[Callable[[], Exchange]]) -> tuple[Measured, list[Exchange]]:
    before = len(stage.discord.refused)
    asked = [begin() for begin in begun]
    await asyncio.gather(*(_settled(one) for one in asked))
    await _quiet(asked)
    took = max((one.began + one.steps[-1].after for one in asked if one.steps), default=0) - asked[0].began
    refused = stage.discord.refused[before:]
    return _measured(name, asked, [one.refusal.code for one in refused].count(ALREADY), took), asked


def _measured(name: str, asked: Sequence[Exchange], twice: int, took: float) -> Measured:
    answered = [one for one in asked if one.answered]
    firsts = np.array([one.first for one in answered])
    wholes = np.array([one.steps[-1].after for one in answered])
    return Measured(
        name,
        asked=len(asked),
        lost=len(asked) - len(answered),
        twice=twice + sum(len(set(_texts(one))) < len(_texts(one)) for one in answered),
        sorry=sum(_says(one, SORRY) for one in answered),
        first_p99=float(np.quantile(firsts, 0.99)),
        first_max=float(firsts.max()),
        whole_p50=float(np.quantile(wholes, 0.5)),
        whole_p99=float(np.quantile(wholes, 0.99)),
        whole_max=float(wholes.max()),
        took=took,
    )


async def _long_run(stage: Stage, pid: int, count: int, at_once: int) -> Memory:
    """Commands one after the other, a few at a time: what a bot that is up for long goes through."""
    gate, commands, megabytes, lost = asyncio.Semaphore(at_once), [0], [resident(pid)], 0
    began, before = time.perf_counter(), len(stage.discord.refused)

    async def one() -> bool:
        async with gate:
            exchange = stage.begin()
            answered = await _settled(exchange)
        await asyncio.sleep(QUIET)  # the pages that follow the first
        stage.discord.forget(exchange)
        return answered

    while commands[-1] < count:
        answers = await asyncio.gather(*(one() for _ in range(min(SAMPLED, count - commands[-1]))))
        lost += answers.count(False)
        commands.append(commands[-1] + len(answers))
        megabytes.append(resident(pid))
    half = len(commands) // 2
    slope = float(np.polyfit(commands[half:], megabytes[half:], 1)[0]) * 1000 if len(commands) > half + 1 else 0.0
    refused = len(stage.discord.refused) - before
    return Memory(commands, megabytes, slope, lost, refused, time.perf_counter() - began)


async def _restarted(stage: Stage, count: int, at_once: int) -> Restart:
    """Killed while commands are under way; then every button of what had been answered before that is pressed."""
    async with stage.serving() as process:
        answers = [stage.begin() for _ in range(count)]
        await asyncio.gather(*(_settled(one) for one in answers))
        await _quiet(answers)
        cut = [stage.begin() for _ in range(count)]
        await stage.discord.until(lambda: sum(one.answered for one in cut) >= count // 4, 30)
        process.kill()
        await process.wait()
    under_way = sum(not one.answered for one in cut)
    gone = time.perf_counter()
    async with stage.serving():
        back = time.perf_counter() - gone
        gate = asyncio.Semaphore(at_once)
        presses = await asyncio.gather(*(_press_all(gate, one) for one in answers))
    pressed = [press for each in presses for press in each]
    return Restart(
        answers=sum(one.answered for one in answers),
        cut=under_way,
        back=back,
        pressed=len(pressed),
        lost=sum(not one.answered for one in pressed),
        gone=sum(_says(one, GONE) for one in pressed),
        sorry=sum(_says(one, SORRY) for one in pressed),
    )


async def _press_all(gate: asyncio.Semaphore, answer: Exchange) -> list[Exchange]:
    """Every button that stood under an answer when it was whole, though a press may change what stands there."""
    there = [(message, button) for message in answer.messages for button in message.buttons if button.custom_id]
    pressed = []
    for message, button in there:
        async with gate:
            pressed.append(answer.press_on(message, button))
            await _settled(pressed[-1])
    return pressed


def _press(answer: Exchange, deed: str) -> Exchange:
    """The first button of that kind, or whichever there is."""
    there = [(message, button) for message in answer.messages for button in message.buttons if button.custom_id]
    wanted = [one for one in there if str(one[1].custom_id).split(":")[1] == deed]
    return answer.press_on(*(wanted or there)[0])


async def _settled(exchange: Exchange) -> bool:
    try:
        await exchange.until_answered()
    except Unanswered:
        return False
    return True


async def _quiet(asked: Sequence[Exchange]) -> None:
    """Waits until nothing more is said: an answer may be of several messages."""
    for _ in range(int(PATIENCE / QUIET)):
        steps = sum(len(one.steps) for one in asked)
        await asyncio.sleep(QUIET)
        if steps == sum(len(one.steps) for one in asked):
            return


def _texts(exchange: Exchange) -> list[str]:
    return [render(message.body) for message in exchange.messages]


def _says(exchange: Exchange, keys: Sequence[str]) -> bool:
    return any(beginning in exchange.text for key in keys for beginning in _beginnings(key))


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


if __name__ == "__main__":
    main()
