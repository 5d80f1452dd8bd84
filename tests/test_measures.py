"""What people opened, liked and hid is counted at the version, the place and the command that showed it, and once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from recommender.experiment import By, Experiment
from recommender.online import Compared, Measured, Wins
from recommender.rates import Rate, sign_test, wilson
from storage.database import Database
from storage.feedback import Feedback, Opinion
from storage.logs import Click, Impression, Logs
from storage.measures import compare, online
from tests.databases import KINDS, NOON, ready
from tests.test_logs import asked

DAY = timedelta(days=1)
SINCE = NOON - DAY
LATER = NOON + DAY
INTERLEAVED = Experiment("e1", "a", "b", By.INTERLEAVING, NOON - 9 * DAY)


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


class Life:
    """Answers, and what people do with them."""

    def __init__(self, database: Database) -> None:
        self.database, self.logs, self.feedback = database, Logs(database), Feedback(database)
        self.answers = 0
        self.now = NOON

    async def show(
        self,
        version: str | None,
        games: list[int],
        person: str = "ada",
        teams: str = "",
        at: datetime = NOON,
        **more: object,
    ) -> str:
        """The id of the answer; `teams` says of each place whose pick it is, if anybody's."""
        self.answers += 1
        own = [None if team == "-" else team for team in teams] or [None] * len(games)
        shown = [Impression(place, game, 0.5, own[place - 1]) for place, game in enumerate(games, 1)]
        row = replace(asked(self.answers), person=person, model_version=version, picks=len(games), at=at)
        await self.logs.record(replace(row, **more), shown)  # type: ignore[arg-type]
        return row.id

    async def open(self, answer: str, position: int, game: int, seconds: float = 0) -> None:
        assert await self.logs.click(Click(answer, position, game, NOON + timedelta(seconds=seconds))) is not None

    async def say(self, opinion: Opinion, answer: str | None, game: int, person: str = "ada") -> None:
        self.now += timedelta(seconds=1)
        await self.feedback.toggle("discord", person, game, opinion, self.now, answer)

    async def of(self, a: str = "a", b: str = "b", **more: object) -> Compared:
        return await compare(self.database, SINCE, LATER, a, b, **more)  # type: ignore[arg-type]


@pytest.fixture
def life(database: Database) -> Life:
    return Life(database)


def counts(measured: Measured) -> tuple[int, int, int, int]:
    return measured.impressions, measured.clicks.hits, measured.likes.hits, measured.hides.hits


async def test_each_game_counts_at_its_version_its_place_and_its_command(life: Life) -> None:
    first = await life.show("a", [10, 20, 30])
    second = await life.show("b", [10, 40], "grace", command="similar")
    await life.open(first, 2, 20)
    await life.say(Opinion.LIKE, first, 30)
    await life.say(Opinion.HIDE, second, 40, "grace")
    found = await life.of()

    assert (counts(found.a), counts(found.b)) == ((3, 1, 1, 0), (2, 0, 0, 1))
    assert (found.a.answers, found.a.people, found.a.mean_position) == (1, 1, 2.0)
    assert {at: (t.impressions, t.clicks, t.likes, t.hides) for at, t in found.a.positions.items()} == {
        1: (1, 0, 0, 0),
        2: (1, 1, 0, 0),
        3: (1, 0, 1, 0),
    }
    assert [(command, taken.hides) for command, taken in found.b.commands.items()] == [("similar", 1)]
    assert found.wins is None


async def test_a_game_that_was_opened_twice_was_opened(life: Life) -> None:
    answer = await life.show("a", [10])
    await life.open(answer, 1, 10)
    await life.open(answer, 1, 10, seconds=3600)

    assert counts((await life.of()).a) == (1, 1, 0, 0)


async def test_only_what_somebody_thinks_still_counts(life: Life) -> None:
    """Taken back, changed to another opinion, and come back to; each of another person."""
    answer = await life.show("a", [10, 20, 30])
    for _ in range(2):
        await life.say(Opinion.LIKE, answer, 10, "bob")
    await life.say(Opinion.LIKE, answer, 20, "eve")
    await life.say(Opinion.HIDE, answer, 20, "eve")
    for _ in range(3):
        await life.say(Opinion.LIKE, answer, 30, "joe")

    assert counts((await life.of()).a) == (3, 0, 1, 1)


async def test_what_two_people_like_is_one_game_that_was_liked(life: Life) -> None:
    answer = await life.show("a", [10])
    await life.say(Opinion.LIKE, answer, 10)
    await life.say(Opinion.LIKE, answer, 10, "grace")

    assert counts((await life.of()).a) == (1, 0, 1, 0)


async def test_a_button_on_a_later_page_names_the_first_and_counts_where_the_game_stood(life: Life) -> None:
    first = await life.show("a", [10, 20])
    await life.show("b", [30, 40], root=first, page=2)
    await life.say(Opinion.LIKE, first, 40)
    found = await life.of()

    assert (counts(found.a), counts(found.b)) == ((2, 0, 0, 0), (2, 0, 1, 0))
    assert found.b.positions[2].likes == 1


async def test_an_opinion_under_no_answer_or_another_says_nothing_of_this_one(life: Life) -> None:
    await life.show("a", [10])
    other = await life.show("c", [10])
    await life.say(Opinion.LIKE, other, 10)
    await life.say(Opinion.HIDE, None, 10)

    assert counts((await life.of()).a) == (1, 0, 0, 0)


async def test_a_page_that_is_turned_back_to_is_not_shown_a_second_time(life: Life) -> None:
    await life.show("a", [10, 20])
    await life.show("a", [10, 20], command="previous")

    assert counts((await life.of()).a) == (2, 0, 0, 0)


async def test_what_no_model_picked_and_what_was_shown_before_or_after_is_left_out(life: Life) -> None:
    await life.show(None, [10])
    await life.show("a", [10], at=SINCE - timedelta(microseconds=1))
    await life.show("a", [20], at=SINCE)
    await life.show("a", [30], at=LATER)

    assert counts((await life.of()).a) == (1, 0, 0, 0)


async def test_versions_that_share_a_matrix_count_as_one_with_the_same_people(life: Life) -> None:
    await life.show("a", [10], "ada")
    await life.show("a's catalogue", [20], "ada")
    await life.show("b", [30], "ada")
    found = await life.of(models={"a's catalogue": "a"})

    assert (found.a.impressions, found.a.people, found.a.answers) == (2, 1, 2)
    assert found.a.likes.effective == 1


async def test_in_an_interleaved_list_each_game_counts_at_its_own_version(life: Life) -> None:
    answer = await life.show("b", [10, 20, 30, 40], teams="aba-")
    await life.open(answer, 2, 20)
    await life.say(Opinion.LIKE, answer, 40)
    found = await life.of()

    assert (counts(found.a), counts(found.b)) == ((2, 0, 0, 0), (2, 1, 1, 0))
    assert found.wins == Wins(1, a=0, b=1)


async def test_who_has_more_clicks_and_likes_wins_the_list_and_what_is_of_no_team_helps_nobody(life: Life) -> None:
    for opened, liked in (((1,), ()), ((1, 2), (2,)), ((2,), (1,)), ((), ()), ((), (3,)), ((2, 4), ())):
        answer = await life.show("a", [10, 20, 30, 40], f"p{life.answers}", teams="abb-")
        for place in opened:
            await life.open(answer, place, 10 * place)
        for place in liked:
            await life.say(Opinion.LIKE, answer, 10 * place, f"p{life.answers}")
    found = await life.of()

    assert found.wins == Wins(6, a=1, b=3)
    assert found.verdict.by == "wins"
    assert found.verdict.winner is None
    assert found.verdict.p == sign_test(3, 1)
    assert (found.verdict.a, found.verdict.b) == (0.25, 0.75)


async def test_a_clear_winner_is_told_and_an_unclear_one_with_how_many_more_answers(life: Life) -> None:
    unclear = replace(await life.of(), wins=Wins(100, a=12, b=18))
    clear = replace(unclear, wins=Wins(100, a=12, b=38))

    assert (unclear.verdict.winner, clear.verdict.winner) == (None, "b")
    assert unclear.verdict.more is not None
    assert unclear.verdict.more > 100
    assert clear.verdict.more is None


async def test_the_verdict_of_halves_goes_by_likes_and_by_clicks_where_nothing_is_liked(life: Life) -> None:
    none = Measured("a", 100, 90, 3.0, Rate(0, 500, 500), Rate(0, 500, 500), Rate(0, 500, 500), {}, {})
    opened = replace(none, version="b", clicks=Rate(50, 500, 500))
    liked = replace(opened, likes=Rate(9, 500, 500))

    by_clicks = Compared(none, opened, SINCE, LATER).verdict
    by_likes = Compared(none, liked, SINCE, LATER).verdict
    nothing = Compared(none, replace(none, version="b"), SINCE, LATER).verdict
    assert (by_clicks.by, by_clicks.winner) == ("clicks", "b")
    assert (by_likes.by, by_likes.winner) == ("likes", "b")
    assert (nothing.winner, nothing.more, nothing.p) == (None, None, 1)


async def test_the_report_has_the_two_that_answered_last_and_says_it_in_json(database: Database, life: Life) -> None:
    for day, version in ((5, "old"), (3, "before"), (2, "in service"), (4, "in service"), (1, None)):
        await life.show(version, [10], at=NOON - day * DAY)
    found = await online(database, NOON, 7)
    named = await online(database, NOON, 7, versions=("old", "never"))
    said = json.loads(json.dumps(found.as_dict()))

    assert [(each.version, each.impressions) for each in found.versions] == [("in service", 2), ("before", 1)]
    assert [(each.version, each.impressions) for each in named.versions] == [("old", 1), ("never", 0)]
    assert said["versions"][0]["likes"] == {"hits": 0, "n": 2, "share": 0.0, "interval": [0.0, wilson(0, 1)[1]]}
    assert said["since"] == "2024-05-10T12:00:00+00:00"
    assert said["experiment"] is None


async def test_the_report_has_the_running_experiment_from_its_beginning(database: Database, life: Life) -> None:
    started = replace(INTERLEAVED, since=NOON - 2 * DAY)
    await life.show("a", [10, 20], teams="ab", at=NOON - 3 * DAY)
    await life.show("a", [10, 20], teams="ab", at=NOON - DAY)
    found = await online(database, NOON, 7, experiment=started)
    empty = await online(database, NOON, 7, experiment=replace(started, a="x", b="y"))

    assert found.experiment is not None
    assert (found.experiment.since, found.experiment.wins) == (started.since, Wins(1, 0, 0))
    assert json.loads(json.dumps(found.as_dict()))["experiment"]["experiment"]["by"] == "interleaving"
    assert empty.experiment is not None
    assert empty.experiment.wins == Wins(0, 0, 0)
    assert empty.experiment.verdict.winner is None


async def test_with_nothing_logged_there_is_nothing_to_tell(database: Database) -> None:
    found = await online(database, NOON, 7)

    assert found.versions == ()
    json.dumps(found.as_dict())


async def test_sums_are_those_that_numpy_finds_in_a_crowd(life: Life) -> None:
    """Forty people at random: what the database adds up is what is added up here."""
    random = np.random.default_rng(11)
    expected = {"a": [0, 0, 0], "b": [0, 0, 0]}
    for at in range(60):
        person, version = f"p{random.integers(40)}", "ab"[random.integers(2)]
        games = [1000 * at + place for place in range(1, 1 + int(random.integers(1, 6)))]
        answer = await life.show(version, games, person)
        opened, liked = random.random(len(games)) < 0.3, random.random(len(games)) < 0.2
        for place, game in enumerate(games, 1):
            if opened[place - 1]:
                await life.open(answer, place, game)
            if liked[place - 1]:
                await life.say(Opinion.LIKE, answer, game, person)
        for which, more in enumerate((len(games), int(opened.sum()), int(liked.sum()))):
            expected[version][which] += more
    found = await life.of()

    assert [list(counts(each)[:3]) for each in (found.a, found.b)] == [expected["a"], expected["b"]]
    for each in (found.a, found.b):
        assert sum(taken.clicks for taken in each.positions.values()) == each.clicks.hits
        assert sum(taken.likes for taken in each.commands.values()) == each.likes.hits
        assert each.people <= each.likes.effective <= each.impressions
