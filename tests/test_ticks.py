"""How late the event loop was, with a clock and a sleep that are set by hand."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import chain, repeat

import pytest

from bot.hosting.ticks import EVERY, LATE, SILENCE, Lateness, Ticks, ticking
from tests.fakes import Clock


class Over(Exception):
    """All naps are taken."""


class LateNaps:
    """A sleep that takes as long as was asked for and so many seconds more, each in its turn."""

    def __init__(self, clock: Clock, late: Sequence[float]) -> None:
        self.clock, self.late = clock, iter(late)

    async def __call__(self, seconds: float) -> None:
        late = next(self.late, None)
        if late is None:
            raise Over
        self.clock.forward(seconds + late)


async def ticked(late: Sequence[float]) -> Ticks:
    clock = Clock()
    ticks = Ticks(clock, LateNaps(clock, late))
    with pytest.raises(Over):
        await ticks.run()
    return ticks


def figures(found: Lateness) -> tuple[float, float, int]:
    return found.worst, found.p99, found.ticks


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def test_the_worst_and_the_p99_are_known() -> None:
    ticks = await ticked([0.002] * 980 + [0.0305] * 15 + [0.07] * 5)

    assert figures(ticks.ever()) == pytest.approx((0.07, 0.031, 1000), abs=1e-3)


async def test_what_is_asked_for_is_forgotten_for_the_next_time() -> None:
    ticks = await ticked([0.05])

    assert ticks.lately().worst == pytest.approx(0.05)
    assert ticks.lately() == Lateness()
    assert ticks.ever().worst == pytest.approx(0.05)


async def test_a_loop_that_is_never_late_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ticks = await ticked([0.0] * 100)

    assert figures(ticks.ever()) == pytest.approx((0, 0, 100), abs=1e-9)
    assert warnings(caplog) == []


@pytest.mark.parametrize(("late", "said"), [(LATE - 0.001, 0), (LATE + 0.001, 1)])
async def test_more_than_a_tenth_of_a_second_is_worth_a_warning(
    late: float, said: int, caplog: pytest.LogCaptureFixture
) -> None:
    await ticked([late])

    assert len(warnings(caplog)) == said


async def test_there_is_one_warning_a_minute_and_none_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    a_minute = [0.0] * round(SILENCE / EVERY)
    await ticked([0.25, 0.7, 0.3, *a_minute, *a_minute])

    assert [line.split(",")[0] for line in warnings(caplog)] == [
        "the event loop was 250 ms late",
        "the event loop was 700 ms late",
    ]


async def test_what_is_longer_than_can_be_told_apart_is_still_the_worst() -> None:
    ticks = await ticked([60.0])

    assert figures(ticks.ever()) == pytest.approx((60, 5, 1))


async def test_who_serves_hears_in_the_end_how_it_went(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    naps = LateNaps(clock, list(chain([0.04], repeat(0.0, 5))))
    with caplog.at_level(logging.INFO):
        async with ticking(Ticks(clock, naps)):
            await asyncio.sleep(0)

    assert "at worst 40 ms late, p99 40 ms, over 6 ticks" in caplog.text


async def test_a_loop_that_is_held_up_is_seen_by_the_real_clock(caplog: pytest.LogCaptureFixture) -> None:
    ticks = Ticks()
    async with ticking(ticks):
        await asyncio.sleep(2 * EVERY)
        time.sleep(LATE + 2 * EVERY)  # noqa: ASYNC251 - what must not happen
        await asyncio.sleep(2 * EVERY)

    assert ticks.ever().worst > LATE
    assert len(warnings(caplog)) == 1


async def test_a_histogram_counts_what_came_at_most_so_late() -> None:
    ticks = await ticked([0.0, 0.0004, 0.0009, 0.004, 0.02, 9.0])
    found = ticks.histogram((0.001, 0.005, 0.5))

    assert (found.within, found.ticks) == ((3, 4, 5), 6)
    assert found.total == pytest.approx(9.0253)
