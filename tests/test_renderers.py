"""One request is answered in the same words in a terminal, on Discord and on Slack: none lost, moved or changed."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from bot.chat import tour
from bot.commands import COMMANDS
from bot.commands.command import Desk
from bot.commands.follow_ups import FOLLOW_UPS
from bot.cooldowns import Cooldowns
from bot.discord import cards
from bot.dispatch import dispatch
from bot.messages import Attachment, Choice, Language, Origin, Outcome, Person, Reply, Request, Value
from bot.messages import Place as Where
from bot.shop import Look
from bot.slack import blocks
from bot.terminal import Terminal
from bot.typed import Spoken
from bot.wording import Wording
from recommender.catalog import Game
from recommender.reasons import Because
from recommender.recommend import Pick
from tests import discord_screen, slack_screen, worlds
from tests.dialogues import Turn, english, korean
from tests.fakes import ANN, NOON, PRIVATE, PUBLIC, SECRETIVE, Place, open_place
from tests.readings import (
    Reading,
    in_terminal,
    meant,
    on_discord,
    on_slack,
    pressable_on_discord,
    pressable_on_slack,
    shortened,
)

RENDERERS = {"terminal": in_terminal, "discord": on_discord, "slack": on_slack}
DIALOGUES = [(Language.EN, name, turns) for name, turns in english.DIALOGUES.items()] + [
    (Language.KO, name, turns) for name, turns in korean.DIALOGUES.items()
]
FOLLOWED = {command.name for command in FOLLOW_UPS}
HERE = Where("guild", "channel", manageable=True)
ORIGIN = Origin("1234567890123456789", page=2, more=True, subject="1a")


def differing(reply: Reply, language: Language) -> dict[str, Reading]:
    """The renderers that show something else than is meant, with what they show."""
    spoken = reply.language or language
    read = {name: renderer(reply, spoken) for name, renderer in RENDERERS.items()}
    return {name: one for name, one in read.items() if one != meant(reply, spoken)}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def answers(place: Place, language: Language, turns: list[Turn]) -> list[tuple[Request, Reply]]:
    """Every reply of a dialogue with its request."""
    heard: list[tuple[Request, Reply]] = []

    async def listening(request: Request) -> Reply:
        heard.append((request, await dispatch(request, place.desk)))
        return heard[-1][1]

    console = Console(file=io.StringIO(), width=100)
    await tour(
        [said for said, *_ in turns],
        Terminal(listening, COMMANDS, console, language, person=ANN, now=lambda: NOON, folder=place.folder),
    )
    return heard


@pytest.mark.parametrize(("language", "name", "turns"), DIALOGUES, ids=[name for _, name, _ in DIALOGUES])
async def test_every_dialogue_reads_the_same_everywhere(
    place: Place, language: Language, name: str, turns: list[Turn]
) -> None:
    heard = await answers(place, language, turns)

    assert heard
    for request, reply in heard:
        assert differing(reply, language) == {}, (name, request.command, request.options)
        assert pressable_on_discord(reply, language) == pressable_on_slack(reply, language)


class Browser:
    """The way through Discord's own page."""

    async def begin(self, person: Person, now: datetime) -> str:  # noqa: ARG002 - a port's
        return "https://discord.com/oauth2/authorize?state=x&scope=a+b"


async def broken(request: Request, desk: Desk) -> Reply:
    raise ZeroDivisionError


BROKEN = tuple(replace(row, handler=broken) if row.name == "hide" else row for row in COMMANDS)
NAMES = {"1": "*Ann*", "2": "<@U123> _Bob_ `~"}
ASKED: dict[str, Sequence[tuple[str, Mapping[str, Value]]]] = {
    "a digest of a channel": (
        ("digest here", {"tags": "Puzzle, Horror", "hour": 9, "zone": "Asia/Seoul", "language": "ko"}),
        ("digest preview", {}),
        ("share", {}),
        ("digest stop", {}),
    ),
    "a group with names that are markup": (
        ("link", {"steam": PUBLIC}),
        ("together", {"with": f"2 {SECRETIVE}"}),
        ("together", {"with": SECRETIVE, "tag": "horror"}),
        ("share", {}),
        ("next", {}),
    ),
    "an account that Discord would confirm": (("link", {}), ("link", {"steam": PRIVATE}), ("link", {})),
    "a file": (("curate", {"tag": "Puzzle"}), ("like", {"number": 300}), ("mydata", {})),
    "somebody in a hurry": tuple(("help", {}) for _ in range(7)),
    "a bug": (("hide", {"game": "Static"}),),
    "signs": (
        ("similar", {"game": "*x* _y_ ~z~ `c` <!channel> @everyone [a](https://evil.example) # > - 1."}),
        ("curate", {"tag": "<@U1|x> &amp; :smile:"}),
        ("recommend", {"steam": "](https://evil.example)"}),
        ("xyz *b*", {}),
    ),
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", ASKED)
async def test_what_dialogues_do_not_come_to_reads_the_same_everywhere(
    tmp_path: Path, name: str, language: Language
) -> None:
    async with open_place(tmp_path, worlds.served(synthetic=True), commands=BROKEN) as place:
        desk = replace(place.desk, connect=Browser(), cooldowns=Cooldowns(5, 100, timedelta(minutes=1)))
        answer = ""
        for at, (command, options) in enumerate(ASKED[name]):
            pressed = {"answer": answer, "number": 1, "subject": "", **options} if command in FOLLOWED else options
            asked = Request(f"r{at}", ANN, command, pressed, language, NOON, HERE, {**NAMES, ANN.id: NAMES["1"]})
            reply = await dispatch(asked, desk)
            answer = reply.origin.answer if reply.origin and reply.picks else answer
            await place.flush()

            assert differing(reply, language) == {}, (command, options)


HOSTILE = (
    "[Redacted]",
    "*Bold* _or_ ~not~",
    "`code` ```block```",
    "<!channel> <@U123> <#C1>",
    "@everyone and @here",
    "https://evil.example/?a=b&c=d",
    "[click](https://evil.example)",
    "<https://evil.example|click>",
    "# Heading",
    "> quoted",
    "- list",
    "1. list",
    "-# small",
    "\\ \\* backslash",
    "a|b||c||",
    "&amp; &lt; Ampersand & Sons",
    ":smile: 🎮",
    "{0} {title}",
    "구름 위의 *집*",
    "x) (y] [z",
    "***",
)
"""Titles that some chat would take for more than a title."""


def picked(title: str, at: int = 0) -> Pick:
    game = Game(700 + at, title, (title, "Puzzle"), price=0.5, year=2020, positive=3, negative=1)
    because = (Because(replace(game, app_id=5), 90, 0.7), Because(worlds.game("Static"), 0, 0.3))
    return Pick(game, 1.0, because, members=(0,))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("title", HOSTILE)
def test_signs_mean_only_themselves_wherever_they_stand(title: str, language: Language) -> None:
    reply = Reply(
        f"{title}\nAbout {title} and {title}",
        (picked(title), replace(picked("Plain", 1), members=(0, 1), because=())),
        (Choice(title, "curate"),),
        note=f"{title}\n{title} again",
        members=(title, f"{title} {title}", "somebody else"),
        link=(title, "https://example.com/?a=1&b=2"),
        origin=ORIGIN,
    )

    assert differing(reply, language) == {}
    assert pressable_on_discord(reply, language) == pressable_on_slack(reply, language)


PICKS = tuple(picked(f"Game {at}", at) for at in range(12))
MADE = {
    "one card": Reply("One:", PICKS[:1], origin=ORIGIN),
    "more cards than a message": Reply("Twelve:", PICKS, note="And a note.", origin=ORIGIN),
    "a page that was shared": Reply("Shared:", PICKS[:3], private=False, origin=ORIGIN),
    "the last page": Reply("Last:", PICKS[:2], origin=replace(ORIGIN, more=False)),
    "cards without buttons": Reply("Look:", PICKS[:3]),
    "ten choices": Reply("Which?", choices=tuple(Choice(f"Number {at}", "help") for at in range(10)), origin=ORIGIN),
    "a form": Reply("Whom?", choices=(Choice("Name games", "recommend", ask="games"),), origin=ORIGIN),
    "a long text": Reply("\n".join(f"line {at} *of* many <&> " + "x" * 60 for at in range(300)), note="The end."),
    "a long text before cards": Reply("\n".join(f"{at} " + "word " * 20 for at in range(80)), PICKS[:5], origin=ORIGIN),
    "a note of several lines": Reply("Text.", PICKS[:1], note="One.\n\n> Two.\n# Three.", origin=ORIGIN),
    "a group": Reply(
        "All:", tuple(replace(one, because=()) for one in PICKS[:3]), members=("Ann", "Bob"), origin=ORIGIN
    ),
    "a new game": Reply("New:", (replace(PICKS[0], new=True), replace(PICKS[1], because=(), new=True)), origin=ORIGIN),
    "not for sale": Reply("Gone:", (Pick(worlds.DELISTED, 1.0, players=12),), outcome=Outcome.ANSWERED, origin=ORIGIN),
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", MADE)
def test_every_kind_of_reply_reads_the_same_everywhere(name: str, language: Language) -> None:
    assert differing(MADE[name], language) == {}
    assert pressable_on_discord(MADE[name], language) == pressable_on_slack(MADE[name], language)


def test_what_a_chat_has_no_room_for_is_cut_and_says_so() -> None:
    long = picked("A title without an end " * 20)
    reply = Reply("Long:", (replace(long, game=replace(long.game, tags=("Tag " * 200,))),), origin=ORIGIN)
    whole = in_terminal(reply, Language.EN)

    assert whole == meant(reply, Language.EN)
    for chat in (on_discord, on_slack):
        read = chat(reply, Language.EN)
        assert list(shortened(read.lines, whole.lines)) == []
        assert read.addresses == whole.addresses


@pytest.mark.parametrize("begun", ["", "x", "xx", "xxx", "xxxx"])
def test_a_line_longer_than_a_message_is_parted_and_loses_nothing(begun: str) -> None:
    reply = Reply(begun + "*<&>_" * 2000)

    for renderer in RENDERERS.values():
        assert "".join(renderer(reply, Language.EN).lines) == reply.text


async def test_a_file_is_named_everywhere(tmp_path: Path) -> None:
    reply = Reply("All that I keep of you:", attachment=Attachment("mydata.json", b"{}"))

    async def answering(_: Request) -> Reply:
        return reply

    console = Console(file=io.StringIO(), width=1000)
    await Terminal(answering, COMMANDS, console, folder=tmp_path).ask(Spoken("mydata", {}))
    (sent,) = cards.messages(reply, Look(Wording(Language.EN), "", {}))
    (shown,) = blocks.messages(reply, Look(Wording(Language.EN), "", {}))

    assert isinstance(console.file, io.StringIO)
    assert "mydata.json" in console.file.getvalue()
    assert "mydata.json" in discord_screen.screen(discord_screen.components(sent.view))
    assert "mydata.json" in slack_screen.words(shown.blocks)
    assert (tmp_path / "mydata.json").read_bytes() == sent.files()[0].fp.read() == b"{}"
