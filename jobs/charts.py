"""The description of the data as pictures: one finding a chart, said in its title."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.describe import HOURS, Description

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL, INDIE, QUIET = "#4c6f91", "#e07a3f", "#c9d3dc"
SIZE = (8.0, 4.5)  # inches
TOPICS = 15
GROUPED, PERCENT = "{x:,.0f}", "{x:.0%}"


def write_charts(description: Description, folder: Path) -> list[Path]:
    """PNG files, in the order in which they are best looked at; existing ones are replaced. Makes the folder.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawings: dict[str, Callable[[Axes, Description], str]] = {
        "items-per-player": _items_per_player,
        "players-per-item": _players_per_item,
        "playtime": _playtime,
        "topics": _topics,
        "indie": _indie,
    }
    return [_write(folder / f"{name}.png", draw, description) for name, draw in drawings.items()]


def picture(draw: Callable[[Axes], str]) -> bytes:
    """A PNG file of what is drawn, under the title that `draw` answers.

    A Figure of its own and no pyplot: nothing is shared between threads, and no display is asked for.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - its import writes a font cache, and importing us does nothing

    figure = Figure(figsize=SIZE, dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_title(draw(axes), loc="left", weight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return drawn.getvalue()


def _write(path: Path, draw: Callable[[Axes, Description], str], description: Description) -> Path:
    synthetic = " (synthetic players)" if description.synthetic else ""
    path.write_bytes(picture(lambda axes: draw(axes, description) + synthetic))
    return path


def _items_per_player(axes: Axes, description: Description) -> str:
    owned = description.shapes.items_per_player
    edges = np.unique(np.geomspace(1, owned.max() + 1, 40).round())
    axes.hist(owned, edges.tolist(), color=ALL)
    axes.axvline(description.min_games, color=INDIE, linestyle="--")
    share = description.kept.players / description.everything.players
    note = f" {share:.0%} of the players own\n {description.min_games} games or more"
    top = axes.get_ylim()[1]
    axes.set_ylim(top=1.15 * top)  # room for the note above the bars
    axes.annotate(note, (description.min_games, 1.14 * top), va="top", color=INDIE)
    axes.set_xscale("log")
    axes.set(xlabel="games owned (log scale)", ylabel="players")
    axes.xaxis.set_major_formatter(GROUPED)
    axes.yaxis.set_major_formatter(GROUPED)
    return f"Half of the {len(owned):,} players own {description.items_per_player.p50:,} games or more"


def _players_per_item(axes: Axes, description: Description) -> str:
    players = description.shapes.players_per_item
    head = max(1, len(players) // 100)
    ranks = np.arange(1, len(players) + 1)
    axes.fill_between(ranks[:head], players[:head], 1, color=INDIE, alpha=0.35, linewidth=0)
    axes.plot(ranks, players, color=ALL, linewidth=2)
    axes.set(xscale="log", yscale="log", xlabel="rank of the game (log scale)", ylabel="players who own it (log scale)")
    axes.set_ylim(bottom=1)
    axes.xaxis.set_major_formatter(GROUPED)
    axes.yaxis.set_major_formatter(GROUPED)
    axes.grid(color=QUIET, alpha=0.5)
    return (
        f"The {head:,} most owned of {len(players):,} games are {players[:head].sum() / players.sum():.0%} of all rows"
    )


def _playtime(axes: Axes, description: Description) -> str:
    shares = description.shapes.playtime / description.everything.rows
    names = [
        "never",
        *(f"{low:g}–{high:g}" for low, high in pairwise(HOURS[:-1])),
        f"{HOURS[-2]:g}+",
    ]
    bars = axes.bar(names, shares, color=[INDIE, *[ALL] * (len(shares) - 1)])
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=2)
    axes.tick_params(axis="x", labelsize="small")
    axes.set(xlabel="hours played", ylabel="share of owned games")
    axes.yaxis.set_major_formatter(PERCENT)
    return f"{description.never_started:.0%} of all games owned were never started"


def _topics(axes: Axes, description: Description) -> str:
    topics = description.shapes.topics[:TOPICS][::-1]
    at = np.arange(len(topics))
    axes.barh(at + 0.2, [topic.rows for topic in topics], 0.4, color=ALL, label="of the games in libraries")
    axes.barh(at - 0.2, [topic.games for topic in topics], 0.4, color=QUIET, label="of the distinct games")
    axes.set_yticks(at, [topic.name for topic in topics])
    axes.set_xlabel("share that carries the genre or tag")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.legend(loc="lower right", frameon=False)
    if not topics:
        return "No game has a genre or tag yet"
    return f"{topics[-1].name} is on {topics[-1].rows:.0%} of all games in libraries"


def _indie(axes: Axes, description: Description) -> str:
    shares = [description.indie_row_share, description.indie_game_share]
    names = ["games in libraries", "distinct games"]
    indie = axes.barh(names, shares, 0.55, color=INDIE, label="indie")
    other = axes.barh(names, [1 - share for share in shares], 0.55, left=shares, color=QUIET, label="other")
    axes.bar_label(indie, [f"{share:.0%}" if share else "" for share in shares], label_type="center", color="white")
    axes.bar_label(other, [f"{1 - share:.0%}" if share < 1 else "" for share in shares], label_type="center")
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False)
    return f"Indie games are {shares[1]:.0%} of the games and {shares[0]:.0%} of what players own"
