"""Where no channel is set up: the terminal says it, the log says the same, and the chart is a file."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.terminal_poster import TerminalPoster
from jobs.posting import Chart, News, Post
from tests.posters import PNG, WORDS

POST = Post(
    News.BAD,
    "[bold]The fit[/bold] failed",
    "minor 17 is not positive-definite",
    (("Rows", "4,120"), ("Players", "71")),
    ("Run", "https://ci.example/7"),
    Chart("nights.png", PNG, "30 nights"),
)


def terminal(folder: Path, width: int = 200, *, colours: bool = False) -> tuple[TerminalPoster, io.StringIO]:
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=colours, color_system="truecolor" if colours else None)
    return TerminalPoster(console, folder, WORDS), screen


async def test_it_reads_as_it_was_written(tmp_path: Path) -> None:
    poster, screen = terminal(tmp_path)
    await poster.post(POST)

    assert [line.rstrip() for line in screen.getvalue().splitlines()] == [
        "❌ [bold]The fit[/bold] failed",
        "minor 17 is not positive-definite",
        "Rows     4,120",
        "Players  71",
        "Run: https://ci.example/7",
        "",
        "📈 30 nights",
        f"Saved: {tmp_path / 'nights.png'}",
        "",
    ]


@pytest.mark.parametrize("colours", [False, True])
async def test_the_log_says_the_same_line_by_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, colours: bool
) -> None:
    poster, _ = terminal(tmp_path, colours=colours)
    plain, screen = terminal(tmp_path)
    with caplog.at_level(logging.INFO, "bot.terminal_poster"):
        await poster.post(POST)
    logged = [record.getMessage() for record in caplog.records]
    await plain.post(POST)

    assert logged == [line.rstrip() for line in screen.getvalue().splitlines() if line.strip()]


async def test_no_line_is_wider_than_the_terminal(tmp_path: Path) -> None:
    poster, screen = terminal(tmp_path, width=30)
    await poster.post(replace(POST, title="야간 학습이 " * 20, facts=(("x" * 90, "y" * 90),), chart=None))

    assert max(map(cell_len, screen.getvalue().splitlines())) <= 30


async def test_the_chart_of_the_next_night_takes_the_place_of_this_one(tmp_path: Path) -> None:
    poster, _ = terminal(tmp_path / "charts")
    await poster.post(POST)
    await poster.post(replace(POST, chart=Chart("nights.png", PNG + b"more")))

    assert [path.read_bytes() for path in (tmp_path / "charts").iterdir()] == [PNG + b"more"]
