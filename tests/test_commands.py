"""What every command answers, heard and read as people do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.chat import tour
from bot.commands import COMMANDS
from bot.commands.command import Command, Desk
from bot.commands.recents import Recents
from bot.dispatch import dispatch
from bot.messages import Language, Outcome, Person, Reply, Request, Value
from bot.messages import Place as Where
from bot.typed import parse
from bot.wording import Wording
from recommender.library import Library
from storage.database import Database
from storage.feedback import Feedback
from tests import worlds
from tests.dialogues import Turn, english, korean
from tests.fakes import ANN, GAMES_PRIVATE, NOON, PRIVATE, PUBLIC, Clock, Place, open_place, request, terminal

DIALOGUES = [(Language.EN, name, turns) for name, turns in english.DIALOGUES.items()] + [
    (Language.KO, name, turns) for name, turns in korean.DIALOGUES.items()
]
BOB = Person("terminal", "bob")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(("language", "name", "turns"), DIALOGUES, ids=[name for _, name, _ in DIALOGUES])
async def test_dialogue(place: Place, language: Language, name: str, turns: list[Turn]) -> None:
    heard, screen = terminal(place, language)
    await tour([said for said, *_ in turns], heard)
    answers = screen.getvalue().split("\n> ")

    for (said, *expected), answer in zip(turns, answers, strict=True):
        for part in expected:
            assert (part.removeprefix("!") in answer.partition("\n")[2]) != part.startswith("!"), (
                name,
                said,
                part,
                answer,
            )


@pytest.mark.parametrize("dialogues", [english.DIALOGUES, korean.DIALOGUES], ids=["english", "korean"])
def test_every_command_has_a_dialogue_in_both_languages(dialogues: dict[str, list[Turn]]) -> None:
    said = {parse(turn[0], COMMANDS).command for turns in dialogues.values() for turn in turns}

    assert {command.name for command in COMMANDS} <= said


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
async def test_nothing_and_nonsense_are_answered(place: Place, command: Command, language: Language) -> None:
    nonsense = ["", "   ", '"', "%$#@!", "{}", "{0}", "[bold]", ",,,", "-1", "9" * 40, "ㅋㅋㅋ", "\x1b[2J", "x" * 3000]
    first = command.options[0].name if command.options else "nothing"
    for said in nonsense:
        reply = await place.hand_over(command.name, {first: said}, language=language)

        assert reply.text
        assert reply.outcome is not Outcome.FAILED, (said, reply)


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
async def test_the_example_in_help_is_understood(command: Command) -> None:
    spoken = parse(Wording(Language.EN).say(f"command.{command.name}.example"), COMMANDS)

    assert spoken.command == command.name
    assert set(spoken.options) <= {option.name for option in command.options}


async def test_without_a_key_people_are_invited_to_name_games(tmp_path: Path) -> None:
    async with open_place(tmp_path, key=False) as place:
        reply = await place.ask("recommend", steam=PUBLIC)

    assert reply.outcome is Outcome.UNAVAILABLE
    assert "INDIEAN_STEAM_API_KEY" in reply.text
    assert "/recommend games: Ember Depths, Dicebound, Mirrorblade" in reply.text


async def test_without_a_key_a_title_in_the_place_of_the_id_becomes_a_choice(tmp_path: Path) -> None:
    async with open_place(tmp_path, key=False) as place:
        reply = await place.ask("recommend", steam="sow reap sleep", max_price="9")

    assert [choice.options for choice in reply.choices] == [{"games": '"Sow, Reap, Sleep"', "max_price": 9.0}]


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (403, {}, "Steam refuses my key"),
        (429, {"Retry-After": "150"}, "try again in 3 min"),
        (500, {}, "Steam doesn't answer properly"),
        (503, {}, "Steam doesn't answer properly"),
    ],
)
async def test_steams_troubles_are_one_sentence_and_a_way_round(
    place: Place, status: int, headers: dict[str, str], sentence: str
) -> None:
    place.steam.fail_next(status, headers)

    reply = await place.ask("recommend", steam=PUBLIC)

    assert reply.outcome is Outcome.UNAVAILABLE
    assert sentence in reply.text
    assert "/recommend games: " in reply.text


async def test_a_changed_privacy_setting_is_believed_at_once(place: Place) -> None:
    await place.ask("recommend", steam=GAMES_PRIVATE)
    place.steam.add_player(GAMES_PRIVATE, worlds.library("Static").minutes)

    reply = await place.ask("recommend", steam=GAMES_PRIVATE)

    assert reply.outcome is Outcome.ANSWERED


async def test_a_new_game_is_picked_explained_and_hidden_like_any_other(tmp_path: Path) -> None:
    async with open_place(tmp_path, worlds.served_with_content()) as place:
        picked = await place.ask("recommend", games="Ember Depths, Dicebound, Mirrorblade")
        explained = await place.ask("why", game="Brand New Thing")
        hidden = await place.ask("hide", game="Brand New Thing")
        again = await place.ask("recommend", games="Ember Depths, Dicebound, Mirrorblade")

    assert [pick.game.title for pick in picked.picks if pick.new] == ["Brand New Thing"]
    assert picked.picks[-1].new
    assert "What speaks for Brand New Thing" in explained.text
    assert hidden.outcome is Outcome.ANSWERED
    assert not any(pick.new for pick in again.picks)


async def test_adult_games_are_picked_only_where_the_place_is_for_adults(place: Place) -> None:
    asked = request("curate", tag="horror", since=2016)
    careful = await dispatch(asked, place.desk)
    adult = await dispatch(replace(asked, id="2", place=Where(adult_ok=True)), place.desk)

    assert "Velvet Nights" not in {pick.game.title for pick in careful.picks}
    assert "Velvet Nights" in {pick.game.title for pick in adult.picks}


async def test_an_adult_game_is_no_readable_reason(place: Place) -> None:
    asked = request("recommend", steam=PUBLIC, tag="horror")
    careful = await dispatch(asked, place.desk)
    adult = await dispatch(replace(asked, id="2", place=Where(adult_ok=True)), place.desk)

    reasons = [{because.game.title for pick in reply.picks for because in pick.because} for reply in (careful, adult)]
    assert "Velvet Nights" not in reasons[0]
    assert "Velvet Nights" in reasons[1]


async def test_hiding_is_one_persons_own(place: Place) -> None:
    await place.ask("hide", game="Whisper Well")

    mine = await place.ask("similar", game="Static")
    theirs = await place.ask("similar", BOB, game="Static")

    assert "Whisper Well" not in {pick.game.title for pick in mine.picks}
    assert "Whisper Well" in {pick.game.title for pick in theirs.picks}


async def test_why_is_told_from_ones_own_last_library(place: Place) -> None:
    await place.ask("recommend", games="Static")
    await place.ask("recommend", BOB, games="Tessera")

    mine = await place.ask("why", game="Whisper Well")
    theirs = await place.ask("why", BOB, game="Whisper Well")

    assert "Static" in mine.text
    assert "Static" not in theirs.text


async def test_why_forgets_a_library_after_an_hour(place: Place) -> None:
    await place.ask("recommend", games="Static")
    place.clock.forward(3600)

    reply = await place.ask("why", game="Whisper Well")

    assert reply.outcome is Outcome.REFUSED


async def test_a_sample_world_says_so_with_every_recommendation(tmp_path: Path) -> None:
    async with open_place(tmp_path, worlds.served(synthetic=True)) as place:
        replies = [
            await place.ask("recommend", steam=PUBLIC),
            await place.ask("recommend", games="Tessera"),
            await place.ask("curate", tag="horror"),
            await place.ask("similar", game="Static"),
            await place.ask("why", game="Static"),
        ]
        chatter = await place.ask("help")

    assert all("its players are invented" in (reply.note or "") for reply in replies)
    assert chatter.note is None


async def test_only_what_is_for_everybody_is_shown_to_everybody(place: Place) -> None:
    answers = {
        "recommend": await place.ask("recommend", games="Static"),
        "curate": await place.ask("curate", tag="horror"),
        "similar": await place.ask("similar", game="Static"),
        "mistyped": await place.ask("similar", game="statik"),
        "why": await place.ask("why", game="Static"),
    }

    assert {name for name, reply in answers.items() if not reply.private} == {"curate", "similar"}


async def test_requests_and_impressions_are_logged(place: Place) -> None:
    reply = await place.ask("curate", tag="Horror", max_price="$10")
    await place.flush()

    (logged,) = await place.logs.recent(10)
    counts = await place.logs.counts()
    assert (logged.command, logged.options, logged.outcome) == (
        "curate",
        {"tag": "Horror", "max_price": "$10"},
        "answered",
    )
    assert (logged.platform, logged.person, logged.at, logged.model_version) == (*_names(ANN), NOON, "world-1")
    assert logged.picks == counts.impressions == len(reply.picks) > 0


async def test_latency_is_logged_in_milliseconds(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:

        async def slow(asked: Request, desk: Desk) -> Reply:
            del asked, desk
            place.clock.forward(0.25)
            return Reply("done")

        desk = replace(place.desk, commands=(Command("slow", slow),))
        await dispatch(request("slow"), desk)
        await place.flush()
        (logged,) = await place.logs.recent(1)

    assert logged.latency_ms == 250


async def test_no_steam_id_is_ever_logged(place: Place) -> None:
    profile = f"https://steamcommunity.com/profiles/{PUBLIC}"
    said = [PUBLIC, profile, "roguefan", "STEAM_0:1:0", "[U:1:1]", f"<{profile}|me>", f"Static, {PRIVATE}"]
    for one in said:
        for command, option in [("recommend", "steam"), ("recommend", "games"), ("similar", "game"), (one, "x")]:
            if one != "roguefan" or option == "steam":  # elsewhere a bare name is a title like any other
                await place.hand_over(command, {option: one})
    await place.flush()

    async with place.database.reading() as connection:
        rows = [str(row) for row in await connection.execute(text("SELECT command, options FROM requests"))]
    assert len(rows) == 4 * len(said) - 3
    for telling in ("7656119", "steamcommunity", "roguefan", "STEAM_", "U:1"):
        assert not [row for row in rows if telling in row]


async def test_a_failing_log_never_fails_the_reply(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        async with place.database.transaction() as connection:
            await connection.execute(text("DROP TABLE requests"))

        reply = await place.ask("curate", tag="horror")

    assert reply.outcome is Outcome.ANSWERED


async def test_a_database_out_of_reach_is_a_sentence(place: Place, tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'nowhere.sqlite'}")
    desk = replace(place.desk, feedback=Feedback(away))

    reply = await dispatch(request("hide", game="Static"), desk)

    await away.close()
    assert reply.outcome is Outcome.UNAVAILABLE
    assert "my own notes" in reply.text


async def test_picks_are_made_even_while_the_database_is_out_of_reach(place: Place, tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'nowhere.sqlite'}")
    desk = replace(place.desk, feedback=Feedback(away))

    reply = await dispatch(request("recommend", games="Static"), desk)

    await away.close()
    assert reply.outcome is Outcome.ANSWERED
    assert reply.picks


async def test_a_bug_is_an_apology_with_a_reference_that_the_log_explains(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(asked: Request, desk: Desk) -> Reply:
        del asked, desk
        raise ZeroDivisionError("the handler's own mistake")

    desk = replace(place.desk, commands=(Command("broken", broken),))
    reply = await dispatch(request("broken"), desk)
    await place.flush()

    reference = reply.text.rpartition(" ")[2]
    (logged,) = await place.logs.recent(1)
    assert reply.outcome is Outcome.FAILED
    assert logged.outcome == "failed"
    assert len(bytes.fromhex(reference)) == 4
    assert reference in caplog.text
    assert "the handler's own mistake" in caplog.text
    assert "mistake" not in reply.text


async def test_an_unknown_option_is_refused_not_ignored(place: Place) -> None:
    reply = await place.ask("curate", tag="horror", colour="red")

    assert reply.outcome is Outcome.REFUSED
    assert "no option called colour" in reply.text


@pytest.mark.parametrize("price", [10, 9.99, "10", "$10", "9,99", "10 USD", ".5", " 10$ "])
async def test_a_price_is_understood_as_people_write_it(place: Place, price: Value) -> None:
    reply = await place.ask("curate", tag="horror", max_price=price)

    assert reply.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("price", [float("nan"), float("inf"), "nan", "1e5", "1,000", "ten", "10-20", -0.5])
async def test_what_is_no_price_is_refused(place: Place, price: Value) -> None:
    reply = await place.ask("curate", tag="horror", max_price=price)

    assert reply.outcome is Outcome.REFUSED
    assert reply.text.startswith("max_price is ")


async def test_what_was_said_is_said_back_in_short(place: Place) -> None:
    reply = await place.ask("curate", tag="z" * 1500)

    assert len(reply.text) < 250


def test_recents_keep_the_latest_few() -> None:
    recents = Recents(kept=2, seconds=10, clock=Clock())
    for name in ("a", "b", "a", "c"):
        recents.remember(Person("terminal", name), Library({1: 1}))

    kept = {name for name in "abc" if recents.library(Person("terminal", name))}

    assert kept == {"a", "c"}


def test_recents_forget_on_request_and_show_no_library_when_printed() -> None:
    recents = Recents(clock=Clock())
    recents.remember(ANN, Library({620: 1}))
    shown = repr(recents)
    recents.forget(ANN)

    assert recents.library(ANN) is None
    assert "620" not in shown


def _names(person: Person) -> tuple[str, str]:
    return person.platform, person.id
