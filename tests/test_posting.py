"""The contract of posters, which each of them keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from jobs.errors import ChartNotPosted, NotPosted
from jobs.posting import Chart, News, Post
from tests.posters import PNG, Board, on_a_terminal, on_slack

TRAINING = Post(
    News.GOOD,
    "The new model is in service: it finds 2 % more than last night's",
    "Measured on 1,200 players whose games it had not seen.",
    (
        ("Rows", "4,120,334 (+12,004)"),
        ("Players, games", "71,203 and 10,980"),
        ("nDCG@10, all games", "0.641 (last night 0.628, popularity 0.311)"),
        ("nDCG@10, indie, played", "0.426 (last night 0.421, popularity 0.140)"),
        ("Seconds", "gather 4.1, fit 61.0, measure 12.2, publish 1.9"),
    ),
    ("The run", "https://ci.example/runs/7?a=1&b=2"),
    Chart("nights.png", PNG, "nDCG@10 of the last 30 nights, rising from 0.60 to 0.64"),
)
QUIET = Post(News.BAD, "The night's training failed")


class Opened(Protocol):
    def __call__(self, folder: Path) -> AbstractAsyncContextManager[Board]: ...


@pytest.fixture(params=[on_slack, on_a_terminal], ids=["slack", "terminal"])
async def board(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Board]:
    opened: Opened = request.param
    async with opened(tmp_path) as board:
        yield board


async def test_all_of_a_report_can_be_read(board: Board) -> None:
    await board.poster.post(TRAINING)
    seen = board.seen()

    assert TRAINING.title in seen
    assert TRAINING.text in seen
    assert [fact for fact in TRAINING.facts if fact[0] not in seen or fact[1] not in seen] == []
    assert "The run" in seen
    assert "https://ci.example/runs/7?a=1&b=2" in seen
    assert "rising from 0.60 to 0.64" in seen


async def test_the_chart_arrives_byte_for_byte(board: Board) -> None:
    await board.poster.post(TRAINING)

    assert board.charts() == [PNG]


async def test_a_title_is_enough(board: Board) -> None:
    await board.poster.post(QUIET)

    assert "The night's training failed" in board.seen()


async def test_good_and_bad_news_do_not_look_alike(board: Board) -> None:
    await board.poster.post(replace(QUIET, news=News.GOOD))
    good = board.seen()
    await board.poster.post(QUIET)

    assert "✅" in good
    assert "❌" in board.seen().removeprefix(good)


@pytest.mark.parametrize(
    "title",
    [
        "오늘 밤 학습이 끝났어요",
        "<!channel> & <@U0LOOP00001> *bold* _it_ ~no~ `code`",
        "@here :tada: [red]> quoted[/red]",
    ],
)
async def test_words_mean_only_themselves(board: Board, title: str) -> None:
    await board.poster.post(Post(News.GOOD, title, title, ((title, title),), (title, "https://ci.example/")))

    assert board.seen().count(title) == 5


async def test_facts_are_shown_or_counted(board: Board) -> None:
    facts = tuple((f"fact {at}", f"value {at} " + "x" * 200) for at in range(100))
    await board.poster.post(replace(QUIET, facts=facts))
    seen = board.seen()
    shown = [at for at in range(100) if f"value {at} " in seen]

    assert shown == list(range(len(shown)))
    assert len(shown) >= 20
    assert len(shown) == 100 or f"and {100 - len(shown)} more" in seen


@pytest.mark.parametrize(
    "post",
    [
        Post(News.BAD, "no end " * 1_500, "x" * 50_000, (("long " * 900, "long " * 900),) * 100),
        Post(News.BAD, "", "", (("", ""), (" ", "\n"), ("a name", ""), ("", "a value"))),
        Post(News.BAD, "\n \t\n", "\n", link=("", "https://ci.example/")),
        Post(News.BAD, "two\nlines\x1b[2J", "a\x00b\r\nc\x07", (("a\nb", "c\nd"),)),
        replace(TRAINING, link=("x" * 500, "https://ci.example/" + "x" * 5_000)),
        replace(TRAINING, link=("no address", "javascript:alert(1)")),
        replace(TRAINING, link=("no address", "https://[half")),
        replace(TRAINING, chart=Chart("../../etc/chart.png", PNG)),
        replace(TRAINING, chart=Chart("\x00" + "그림" * 400 + ".png", PNG)),
        replace(TRAINING, chart=Chart("..", PNG)),
        replace(TRAINING, chart=Chart("chart.png", PNG, "그림 " * 5_000)),
    ],
    ids=[
        "long",
        "empty",
        "blank",
        "control characters",
        "long link",
        "no link",
        "half a link",
        "path",
        "long name",
        "no name",
        "long alt",
    ],
)
async def test_whatever_a_post_holds_it_stands_there(board: Board, post: Post) -> None:
    await board.poster.post(post)

    assert "❌" in board.seen() or "✅" in board.seen()
    assert "\x1b" not in board.seen()
    assert board.charts() == ([PNG] if post.chart is not None else [])


async def test_posts_stand_in_the_order_in_which_they_were_posted(board: Board) -> None:
    posts = [replace(QUIET, title=f"post number {at}.") for at in range(20)]
    await asyncio.gather(*map(board.poster.post, posts))
    places = [board.seen().index(post.title) for post in posts]

    assert places == sorted(places)


async def test_each_chart_stands_below_its_post(board: Board) -> None:
    posts = [Post(News.GOOD, f"post number {at}.", chart=Chart(f"chart-{at}.png", PNG)) for at in range(10)]
    await asyncio.gather(*map(board.poster.post, posts))
    seen = board.seen()
    places = [seen.index(words) for post in posts if post.chart for words in (post.title, post.chart.name)]

    assert places == sorted(places)


async def test_where_the_chart_cannot_go_all_else_stands_there_once(board: Board) -> None:
    board.jam()
    with pytest.raises(ChartNotPosted, match="without its chart"):
        await board.poster.post(TRAINING)

    assert board.seen().count(TRAINING.title) == 1
    assert PNG not in board.charts()


async def test_what_cannot_be_posted_says_what_to_do(board: Board) -> None:
    board.shut()
    with pytest.raises(NotPosted, match="INDIEAN_SLACK_STATUS_CHANNEL") as refused:
        await board.poster.post(TRAINING)

    assert not isinstance(refused.value, ChartNotPosted)
    assert board.seen() == ""
    assert board.charts() == []
