"""What the buttons under an answer do: from the log, for whoever presses, also after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text, update

from bot.commands import COMMANDS
from bot.commands.command import Command, Desk, Kind, Option
from bot.commands.follow_ups import FOLLOW_UPS
from bot.dispatch import dispatch
from bot.messages import Language, Origin, Outcome, Person, Reply, Request, Value
from bot.messages import Place as Where
from bot.presses import OPINIONS, Deed, Press, about, pressed, subject_of
from bot.wording import texts
from recommender.shelf import Wish
from storage.database import Database
from storage.feedback import Feedback, Opinion
from storage.logs import Logs
from storage.retention import prune
from storage.schema import requests
from storage.steam.ids import SteamID
from tests import worlds
from tests.fakes import ANN, NOON, PRIVATE, PUBLIC, SECRETIVE, Place, open_place

BOB = Person("terminal", "bob")
DEN = Where(server="den", channel="lobby")
THERE = Where(server="den", channel="cellar", adult_ok=True)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


class Member:
    """Somebody who asks and presses, three picks at a time."""

    def __init__(self, place: Place, person: Person = ANN, where: Where = DEN) -> None:
        self.place, self.person, self.where = place, person, where

    async def ask(self, command: str, **options: Value) -> Reply:
        return await self.say(command, options)

    async def say(
        self, command: str, options: Mapping[str, Value], language: Language = Language.EN, name: str = ""
    ) -> Reply:
        names = {self.person.id: name} if name else {}
        asked = Request(uuid4().hex, self.person, command, options, language, NOON, self.where, names, shown=3)
        return await dispatch(asked, self.place.desk)

    async def press(self, answer: Reply, deed: Deed, number: int | str | None = None, name: str = "") -> Reply:
        """Without a number, of the page that is shown; a title stands for its app id. The code is all that is left."""
        under = origin(answer)
        if isinstance(number, str):
            number = worlds.game(number).app_id
        press = pressed(about(under, deed, under.page if number is None else number).code)
        assert press is not None
        return await self.say(str(press.deed), press.options, name=name)

    async def link(self, steam: str) -> None:
        await self.place.desk.accounts.link(self.person.platform, self.person.id, SteamID(int(steam)), "said", NOON)


@pytest.fixture
def ann(place: Place) -> Member:
    return Member(place)


@pytest.fixture
def bob(place: Place) -> Member:
    return Member(place, BOB)


def origin(reply: Reply) -> Origin:
    assert reply.origin is not None
    return reply.origin


def titles(reply: Reply) -> list[str]:
    return [pick.game.title for pick in reply.picks]


def reasons(reply: Reply) -> set[str]:
    return {because.game.title for pick in reply.picks for because in pick.because}


def test_every_deed_but_ask_has_its_follow_up() -> None:
    assert {command.name for command in FOLLOW_UPS} == set(Deed) - {Deed.ASK}


@pytest.mark.parametrize("command", FOLLOW_UPS, ids=[command.name for command in FOLLOW_UPS])
@pytest.mark.parametrize("language", Language)
async def test_a_press_on_nothing_is_a_sentence(ann: Member, command: Command, language: Language) -> None:
    nonsense: list[dict[str, Value]] = [
        {},
        {"answer": "?" * 50, "number": "x"},
        {"answer": "gone", "number": 0},
        {"subject": "_ _"},
    ]
    for options in nonsense:
        reply = await ann.say(command.name, options, language)

        assert reply.text
        assert reply.outcome is Outcome.REFUSED, (options, reply)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("recommend", {"steam": PUBLIC}),
        ("recommend", {"steam": "roguefan", "tag": "horror"}),
        ("recommend", {"games": PUBLIC}),
        ("recommend", {"games": "Static, Tessera"}),
        ("curate", {"tag": "horror"}),
        ("similar", {"game": "Static"}),
    ],
)
async def test_pages_never_repeat_and_previous_shows_what_was_there(
    ann: Member, command: str, options: dict[str, Value]
) -> None:
    pages = [await ann.say(command, options)]
    while pages[-1].origin is not None and pages[-1].origin.more and len(pages) < 3:
        pages.append(await ann.press(pages[-1], Deed.NEXT))
        if not pages[-1].picks:
            pages.pop()
            break
    back = [await ann.press(pages[-1], Deed.PREVIOUS)]

    shown = [title for page in pages for title in titles(page)]
    assert len(pages) > 1
    assert len(shown) == len(set(shown))
    assert titles(back[0]) == titles(pages[-2])
    assert [pick.because for pick in back[0].picks] == [pick.because for pick in pages[-2].picks]
    assert [pick.players for pick in back[0].picks] == [pick.players for pick in pages[-2].picks]
    assert back[0].origin == replace(origin(pages[-2]), more=True)
    assert back[0].private == pages[-2].private


async def test_a_page_says_which_one_it_is(ann: Member) -> None:
    first = await ann.ask("curate", tag="horror")
    second = await ann.press(first, Deed.NEXT)
    back = await ann.press(second, Deed.PREVIOUS)

    assert first.text == "The best of Horror:"
    assert second.text == "Page 2 · The best of Horror:"
    assert back.text == "Page 1 · The best of Horror:"


async def test_a_page_belongs_to_the_answer_that_began_it(ann: Member) -> None:
    first = await ann.ask("curate", tag="horror")
    second = await ann.press(first, Deed.NEXT)
    await ann.place.flush()

    assert (origin(second).answer, origin(second).page) == (origin(first).answer, 2)
    logged = await ann.place.logs.page(origin(first).answer, 2)
    assert logged is not None
    assert (logged.request.command, logged.request.options) == ("curate", {"tag": "horror"})
    assert (logged.request.server, logged.request.channel) == ("den", "lobby")
    assert [shown.app_id for shown in logged.shown] == [pick.game.app_id for pick in second.picks]


@pytest.mark.parametrize("deed", sorted(set(Deed) - {Deed.ASK, Deed.CHOOSE, *OPINIONS, Deed.MORE_LIKE}))
async def test_under_a_page_whose_answer_was_pruned_a_button_says_that_it_is_gone(ann: Member, deed: Deed) -> None:
    second = await ann.press(await ann.ask("curate", tag="horror"), Deed.NEXT)
    await ann.place.flush()
    async with ann.place.database.transaction() as connection:
        long_ago = update(requests).where(requests.c.id == origin(second).answer)
        await connection.execute(long_ago.values(at=NOON - timedelta(days=400)))
    await prune(ann.place.database, NOON, 365)
    reply = await ann.press(second, deed, "Static" if deed is Deed.WHY else None)

    assert reply.text == texts(Language.EN)["refused.answer_gone"]
    assert reply.outcome is Outcome.REFUSED


async def test_after_the_last_page_comes_a_sentence(ann: Member) -> None:
    page = await ann.ask("curate", tag="horror")
    page = await ann.press(page, Deed.NEXT)
    over = await ann.press(page, Deed.NEXT)

    assert len(page.picks) == 3
    assert over.outcome is Outcome.REFUSED
    assert over.text == "Page 2 was the last: nothing else is left that fits."


async def test_after_the_last_page_a_looser_filter_is_a_choice(ann: Member) -> None:
    page = await ann.ask("recommend", steam=PUBLIC, tag="horror", since=2013)
    over = await ann.press(page, Deed.NEXT)
    looser = await ann.press(over, Deed.CHOOSE, [choice.label for choice in over.choices].index("Without since"))

    assert over.text.startswith("Page 1 was the last: nothing else is left with these filters.")
    assert looser.text.startswith("Picked for you, going by 5 of the 5 games")
    assert set(titles(page)) & set(titles(looser))


async def test_before_the_first_page_is_the_first(ann: Member) -> None:
    first = await ann.ask("curate", tag="horror")

    assert titles(await ann.press(first, Deed.PREVIOUS)) == titles(first)


@pytest.mark.parametrize("deed", [Deed.LIKE, Deed.OWN, Deed.HIDE])
async def test_an_opinion_changes_the_next_page_at_once(ann: Member, deed: Deed) -> None:
    first = await ann.ask("curate", tag="roguelike")
    unchanged = await ann.press(first, Deed.NEXT)
    pressed_one = await ann.press(first, deed, titles(unchanged)[0])
    changed = await ann.press(first, Deed.NEXT)

    assert pressed_one.toggled is True
    assert titles(unchanged)[0] not in titles(changed)
    assert set(titles(unchanged)[1:]) < set(titles(changed))


@pytest.mark.parametrize(("deed", "back"), [(Deed.LIKE, "unlike"), (Deed.OWN, "disown"), (Deed.HIDE, "unhide")])
async def test_an_opinion_is_taken_back_and_both_are_logged(ann: Member, deed: Deed, back: str) -> None:
    answer = await ann.ask("curate", tag="horror")
    replies = [await ann.press(answer, deed, "Static") for _ in range(2)]
    async with ann.place.database.reading() as connection:
        rows = (await connection.execute(text("SELECT kind, request_id FROM reactions ORDER BY rowid"))).all()

    assert [reply.toggled for reply in replies] == [True, False]
    assert all("Static" in reply.text and reply.private for reply in replies)
    assert [tuple(row) for row in rows] == [
        (str(deed).removesuffix("_this"), origin(answer).answer),
        (back, origin(answer).answer),
    ]


async def test_a_liked_game_speaks_for_picks_and_is_not_called_owned(ann: Member) -> None:
    answer = await ann.ask("curate", tag="horror")
    await ann.press(answer, Deed.LIKE, "Static")
    picks = await ann.ask("recommend", games="Tessera", tag="horror")
    why = await ann.ask("why", game="Whisper Well")

    assert "Static" in reasons(picks)
    assert "Static" not in titles(picks)
    assert picks.text == "Because of Tessera, and of what you liked or own elsewhere:"
    assert {because.liked for pick in picks.picks for because in pick.because if because.game.title == "Static"} == {
        True
    }
    assert "Static (liked)" in why.text


async def test_a_game_owned_elsewhere_speaks_for_picks_as_one_that_is_owned(ann: Member) -> None:
    await ann.press(await ann.ask("curate", tag="horror"), Deed.OWN, "Static")
    picks = await ann.ask("recommend", steam=PUBLIC, tag="horror")

    assert "Static" in reasons(picks)
    assert not any(because.liked for pick in picks.picks for because in pick.because)
    assert picks.text.startswith("Picked for you, going by 6 of 6 games: the library, and what you liked")


async def test_the_library_of_somebody_else_is_left_without_ones_own_opinions(ann: Member) -> None:
    await ann.link(SECRETIVE)
    await ann.press(await ann.ask("curate", tag="horror"), Deed.LIKE, "Static")
    friend = await ann.ask("recommend", steam=PUBLIC, tag="horror")
    own = await ann.ask("recommend", tag="horror")

    assert "Static" not in reasons(friend)
    assert "Static" in reasons(own)


async def test_a_linked_account_needs_no_option(ann: Member) -> None:
    asked = await ann.ask("recommend")
    await ann.link(PUBLIC)
    answer = await ann.ask("recommend")
    second = await ann.press(answer, Deed.NEXT)

    assert asked.outcome is Outcome.REFUSED
    assert [(choice.command, choice.ask) for choice in asked.choices] == [
        ("recommend", "games"),
        ("recommend", "steam"),
    ]
    assert "/link" in asked.text
    assert answer.text.startswith("Picked for you, going by 5 of the 5")
    assert origin(answer).subject == ""
    assert second.picks
    assert set(titles(second)).isdisjoint(titles(answer))


async def test_why_without_a_question_before_is_told_from_the_linked_account(ann: Member) -> None:
    await ann.link(PUBLIC)

    assert "Dicebound (62 h)" in (await ann.ask("why", game="Mirrorblade")).text


async def test_a_private_profile_still_leads_to_titles(ann: Member) -> None:
    reply = await ann.ask("recommend", steam=PRIVATE)

    assert [(choice.command, choice.ask) for choice in reply.choices] == [("recommend", "games")]


async def test_why_this_is_told_from_the_library_of_the_answer(ann: Member) -> None:
    about_roguelikes = await ann.ask("recommend", steam=PUBLIC)
    await ann.ask("recommend", games="Static")  # the last library is another one now
    why = await ann.press(about_roguelikes, Deed.WHY, "Mirrorblade")

    assert "Dicebound (62 h)" in why.text
    assert why.private


async def test_why_this_of_a_theme_says_how_central_it_is(ann: Member) -> None:
    answer = await ann.ask("curate", tag="horror")
    why = await ann.press(answer, Deed.WHY, "Static")

    assert why.outcome is Outcome.ANSWERED
    assert why.text.splitlines() == [
        "Static has Horror as number 1 of its 3 tags, the strongest first.",
        "25 of the players I learned from own Static.",
        "94 % of 1,000 reviews",
    ]


async def test_why_this_of_a_game_that_nobody_owns_yet_says_so(ann: Member) -> None:
    answer = await ann.ask("curate", tag="roguelike", since=2018)
    why = await ann.press(answer, Deed.WHY, "Brand New Thing")

    assert why.text.splitlines() == [
        "Brand New Thing has Roguelike as number 1 of its 1 tags, the strongest first.",
        "None of the players I learned from owns Brand New Thing yet.",
    ]


async def test_why_this_of_one_game_says_that_many_own_both(ann: Member) -> None:
    answer = await ann.ask("similar", game="static")
    why = await ann.press(answer, Deed.WHY, "Whisper Well")

    assert why.text.startswith("Many of the players who own Static own Whisper Well, too.\n25 of the players")


async def test_more_like_is_similar_to_the_presser_alone(ann: Member, bob: Member) -> None:
    answer = await ann.ask("curate", tag="horror")
    more = await bob.press(answer, Deed.MORE_LIKE, "Static")
    typed = await bob.ask("similar", game="Static")
    further = await bob.press(more, Deed.NEXT)

    assert titles(more) == titles(typed)
    assert (more.private, typed.private) == (True, False)
    assert further.text == "Page 2 · Goes well with Static:"


async def test_a_choice_is_the_request_that_would_have_been_right(ann: Member) -> None:
    near = await ann.ask("similar", game="statik")
    chosen = await ann.press(near, Deed.CHOOSE, 0)
    beyond = await ann.press(near, Deed.CHOOSE, 7)

    assert chosen.text == "Goes well with Static:"
    assert not chosen.private
    assert beyond.outcome is Outcome.REFUSED


async def test_a_choice_is_about_the_profile_that_only_the_button_knows(ann: Member) -> None:
    nothing = await ann.ask("recommend", steam=PUBLIC, tag="horror", since=2099)
    chosen = await ann.press(nothing, Deed.CHOOSE, 0)

    assert origin(nothing).subject == subject_of(PUBLIC)
    assert chosen.text.startswith("Picked for you, going by 5 of the 5 games")
    assert origin(chosen).subject == subject_of(PUBLIC)


async def test_a_title_in_the_place_of_a_profile_is_chosen_without_a_profile(ann: Member) -> None:
    near = await ann.ask("recommend", steam="Tessera")

    assert (await ann.press(near, Deed.CHOOSE, 0)).text == "Because of Tessera:"


async def test_sharing_shows_the_page_to_everybody_with_its_reasons(ann: Member) -> None:
    answer = await ann.ask("recommend", steam=PUBLIC)
    shared = await ann.press(answer, Deed.SHARE, name="Ann")
    nameless = await ann.press(answer, Deed.SHARE)

    assert answer.private
    assert not shared.private
    assert shared.text == "Ann shares these picks:"
    assert "Ann" not in nameless.text
    assert shared.picks == answer.picks


async def test_somebody_else_shares_what_was_for_everybody(ann: Member, bob: Member) -> None:
    page = await bob.press(await ann.ask("curate", tag="horror"), Deed.NEXT)
    shared = await bob.press(page, Deed.SHARE, name="Bob")

    assert (page.private, shared.private) == (True, False)
    assert shared.picks == page.picks


async def test_what_is_hidden_is_hidden_on_the_pages_before_as_well(ann: Member) -> None:
    first = await ann.ask("curate", tag="horror")
    second = await ann.press(first, Deed.NEXT)
    await ann.press(first, Deed.HIDE, titles(first)[1])
    await ann.press(first, Deed.LIKE, titles(first)[0])

    assert titles(await ann.press(second, Deed.PREVIOUS)) == [titles(first)[0], titles(first)[2]]


async def test_only_who_asked_shares(ann: Member, bob: Member) -> None:
    answer = await ann.ask("recommend", steam=PUBLIC)
    reply = await bob.press(answer, Deed.SHARE)
    shared = await ann.press(answer, Deed.SHARE)
    again = await bob.press(shared, Deed.SHARE)

    assert [(one.outcome, one.private, one.picks) for one in (reply, again)] == [(Outcome.REFUSED, True, ())] * 2


async def test_the_buttons_of_a_shared_answer_tell_nobody_whose_profile_it_was(ann: Member, bob: Member) -> None:
    answer = await ann.ask("recommend", steam=PUBLIC)
    shared = await ann.press(answer, Deed.SHARE)

    assert (origin(shared).subject, origin(shared).more) == ("", False)
    for member in (ann, bob):
        for deed in (Deed.WHY, Deed.NEXT, Deed.PREVIOUS):
            reply = await member.press(shared, deed, 107 if deed is Deed.WHY else None)
            assert reply.outcome is Outcome.REFUSED
            assert "somebody else's library" in reply.text
            assert [choice.ask for choice in reply.choices] == ["games"]


async def test_a_shared_answer_takes_opinions_of_everybody(ann: Member, bob: Member) -> None:
    shared = await ann.press(await ann.ask("recommend", steam=PUBLIC), Deed.SHARE)
    hidden = await bob.press(shared, Deed.HIDE, "Mirrorblade")

    assert hidden.toggled is True
    assert await ann.place.desk.feedback.of("terminal", "bob") == {worlds.game("Mirrorblade").app_id: Opinion.HIDE}
    assert await ann.place.desk.feedback.of("terminal", "ann") == {}


async def test_what_was_picked_by_titles_explains_itself_to_everybody(ann: Member, bob: Member) -> None:
    shared = await ann.press(await ann.ask("recommend", games="Tessera"), Deed.SHARE)

    assert "Tessera" in (await bob.press(shared, Deed.WHY, "Prism Post")).text


@pytest.mark.parametrize("deed", [Deed.NEXT, Deed.WHY, Deed.PREVIOUS])
async def test_the_linked_library_of_who_asked_is_for_that_person_alone(ann: Member, bob: Member, deed: Deed) -> None:
    await ann.link(PUBLIC)
    await bob.link(SECRETIVE)
    answer = await ann.ask("recommend")
    number = worlds.game("Mirrorblade").app_id if deed is Deed.WHY else 2
    mine, theirs = await ann.press(answer, deed, number), await bob.press(answer, deed, number)

    assert mine.outcome is Outcome.ANSWERED
    assert theirs.outcome is Outcome.REFUSED
    assert "somebody else's library" in theirs.text


async def test_somebody_else_turns_to_pages_of_their_own_and_alone(ann: Member, bob: Member) -> None:
    first = await ann.ask("curate", tag="roguelike")
    anns = await ann.press(first, Deed.NEXT)
    await bob.press(first, Deed.HIDE, titles(anns)[0])
    bobs = await bob.press(first, Deed.NEXT)
    back = await ann.press(replace(anns, origin=replace(origin(anns), page=3)), Deed.PREVIOUS)

    assert (first.private, anns.private, bobs.private, back.private) == (False, False, True, False)
    assert titles(anns)[0] not in titles(bobs)
    assert titles(back) == titles(anns)


async def test_an_adult_game_is_left_out_of_a_page_that_is_shown_again_elsewhere(place: Place) -> None:
    there, here = Member(place, where=THERE), Member(place)
    answer = await there.ask("curate", tag="sexual content")

    assert titles(answer) == ["Velvet Nights"]
    for deed in (Deed.PREVIOUS, Deed.SHARE):
        assert titles(await there.press(answer, deed)) == ["Velvet Nights"]
        assert (await here.press(answer, deed)).outcome is Outcome.REFUSED
    for deed in (Deed.LIKE, Deed.WHY, Deed.MORE_LIKE):
        assert "adults only" in (await here.press(answer, deed, "Velvet Nights")).text


async def test_a_page_is_shown_again_without_reasons_while_steam_is_away(ann: Member, tmp_path: Path) -> None:
    answer = await ann.ask("recommend", steam=PUBLIC)
    await ann.place.flush()
    async with open_place(tmp_path, key=False) as restarted:
        again = await Member(restarted).press(answer, Deed.PREVIOUS)

    assert titles(again) == titles(answer)
    assert reasons(again) == set()


async def test_an_answer_that_was_erased_is_a_sentence(ann: Member) -> None:
    answer = await ann.ask("recommend", games="Static")
    await ann.place.flush()
    await ann.place.desk.personal.erase("terminal", "ann", NOON)

    for deed in (Deed.NEXT, Deed.PREVIOUS, Deed.SHARE, Deed.WHY, Deed.CHOOSE):
        reply = await ann.press(answer, deed, "Whisper Well" if deed is Deed.WHY else 1)
        assert reply.outcome is Outcome.REFUSED
        assert "Please ask again" in reply.text
    assert (await ann.press(answer, Deed.LIKE, "Static")).toggled is True


async def test_a_database_out_of_reach_is_the_usual_sentence(place: Place, tmp_path: Path) -> None:
    answer = await Member(place).ask("curate", tag="horror")
    await place.flush()
    away = Database(f"sqlite:///{tmp_path / 'nowhere.sqlite'}")
    cut_off = replace(place, desk=replace(place.desk, past=Logs(away), feedback=Feedback(away)))
    replies = [
        await Member(cut_off).press(answer, deed, 303)
        for deed in (Deed.NEXT, Deed.PREVIOUS, Deed.SHARE, Deed.WHY, Deed.LIKE, Deed.CHOOSE)
    ]
    await away.close()

    assert [reply.outcome for reply in replies] == [Outcome.UNAVAILABLE] * len(replies)


async def test_no_press_writes_down_whose_profile_it_was(ann: Member) -> None:
    answer = await ann.ask("recommend", steam=PUBLIC)
    for deed in set(Deed) - {Deed.ASK}:
        await ann.press(answer, deed, "Mirrorblade")
    nothing = await ann.ask("recommend", steam="roguefan", since=2099)
    await ann.press(nothing, Deed.CHOOSE, 0)
    await ann.place.flush()

    async with ann.place.database.reading() as connection:
        rows = [str(row) for row in await connection.execute(text("SELECT command, options, choices FROM requests"))]
    assert len(rows) == len(Deed) + 2
    for telling in ("roguefan", PUBLIC, "U:1", "subject", "steam"):
        assert not [row for row in rows if telling in row.replace("give_steam", "")]


async def test_a_restart_loses_no_button(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        ann = Member(place)
        await ann.link(SECRETIVE)
        steam = await ann.ask("recommend", steam=PUBLIC)
        second = await ann.press(steam, Deed.NEXT)
        linked = await ann.ask("recommend")
        theme = await ann.ask("curate", tag="horror")
        near = await ann.ask("curate", tag="rougelike")
        shared = await ann.press(steam, Deed.SHARE)
    async with open_place(tmp_path) as place:
        ann = Member(place)
        replies = {
            "next": await ann.press(steam, Deed.NEXT),
            "next of next": await ann.press(second, Deed.NEXT),
            "previous": await ann.press(second, Deed.PREVIOUS),
            "share": await ann.press(second, Deed.SHARE),
            "linked": await ann.press(linked, Deed.NEXT),
            "theme": await ann.press(theme, Deed.NEXT),
            "more like": await ann.press(theme, Deed.MORE_LIKE, "Static"),
            "why": await ann.press(steam, Deed.WHY, "Mirrorblade"),
            "why linked": await ann.press(linked, Deed.WHY, "Seven Doors"),
            "choose": await ann.press(near, Deed.CHOOSE, 0),
            "like": await ann.press(shared, Deed.LIKE, "Whisper Well"),
            "own": await ann.press(theme, Deed.OWN, "Drowned Chapel"),
            "hide": await ann.press(linked, Deed.HIDE, "Prism Post"),
        }

    assert {name: reply.outcome for name, reply in replies.items()} == dict.fromkeys(replies, Outcome.ANSWERED)
    assert titles(replies["next"]) == titles(second) == titles(replies["share"])
    assert replies["previous"].picks == steam.picks
    assert set(titles(replies["next of next"])).isdisjoint(titles(steam) + titles(second))


@pytest.mark.parametrize("subject", ["_", "a-b", "~", "~~", "zzzzzzzzzzzzzzzz"])
@pytest.mark.parametrize("deed", [Deed.NEXT, Deed.WHY])
async def test_a_button_that_names_no_profile_is_a_sentence(ann: Member, subject: str, deed: Deed) -> None:
    await ann.link(PUBLIC)
    answer = await ann.ask("recommend")
    forged = replace(answer, origin=replace(origin(answer), subject=subject))
    reply = await ann.press(forged, deed, 102)

    assert reply.outcome is Outcome.REFUSED
    assert "Please ask again" in reply.text


def test_a_press_has_room_for_every_answer() -> None:
    assert len(Press(Deed.MORE_LIKE, uuid4().hex, 2**32 - 1, subject_of("x" * 32)).code) <= 100


async def meet(asked: Request, desk: Desk) -> Reply:
    """A list for a group, which says who that is."""
    people = sorted({asked.person.id, *str(asked.options["with"]).split()})
    wish = Wish(hidden=asked.beyond)
    answer = await desk.engine.curate("Roguelike", wish, asked.shown)
    return Reply(" ".join(people), answer.picks, model=answer.version)


MEET = Command("meet", meet, (Option("with", Kind.MEMBERS, required=True),), personal=False)


async def test_a_groups_answer_is_turned_by_its_people_for_the_same_people(tmp_path: Path) -> None:
    async with open_place(tmp_path, commands=(*COMMANDS, MEET)) as place:
        ann, bob, cy = (Member(place, Person("terminal", name)) for name in ("ann", "bob", "cy"))
        answer = await ann.ask("meet", **{"with": "<@bob>, dee"})
        anns, bobs, cys = [await member.press(answer, Deed.NEXT) for member in (ann, bob, cy)]

    assert (answer.text, anns.text, bobs.text) == ("ann bob dee", "Page 2 · ann bob dee", "Page 2 · ann bob dee")
    assert (anns.private, bobs.private, cys.private) == (False, True, True)
    assert set(titles(answer)).isdisjoint(titles(anns))
    assert cys.outcome is Outcome.REFUSED


async def test_a_group_that_was_named_by_a_profile_is_not_kept_and_says_so(tmp_path: Path) -> None:
    async with open_place(tmp_path, commands=(*COMMANDS, MEET)) as place:
        ann = Member(place)
        reply = await ann.press(await ann.ask("meet", **{"with": f"bob {PUBLIC}"}), Deed.NEXT)

    assert reply.outcome is Outcome.REFUSED
    assert "Please ask again" in reply.text
