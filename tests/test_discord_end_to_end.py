"""The bot as a process on a loopback Discord: log-in, the commands it registers, and each of them given once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
import pytest_asyncio
from syrupy.assertion import SnapshotAssertion

from bot.commands import COMMANDS
from bot.discord.payloads import command_payloads
from tests.bot_process import COLLECTOR, COVERED, FARMER, FIGHTER
from tests.discord_process import Stage, pictures, seen, staged
from tests.loopback_discord import Channel, Member
from tests.pictures import TextPicture

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCALES = {"en": "en-US", "ko": "ko"}
Options = Mapping[str, object]

HERE = {"day": "sunday", "hour": 9, "zone": "Asia/Seoul", "tags": "Puzzle", "language": "en"}
OPTIONS: dict[str, Options] = {
    "recommend": {"steam": FIGHTER, "since": 2014},
    "curate": {"tag": "Roguelike", "mix": "hits"},
    "similar": {"game": "The Hollow House"},
    "why": {"game": "Ünheimlich"},
    "hide": {"game": "Ash & Arrow"},
    "link": {"steam": "fighter"},
    "digest here": HERE,
    "help": {"command": "curate"},
}
IN_KOREAN: dict[str, Options] = {
    "curate": {"tag": "로그라이크", "mix": "hits"},
    "digest here": HERE | {"tags": "퍼즐", "language": "ko"},
}
BEFORE: dict[str, tuple[str, Options]] = {
    "together": ("link", {"steam": COLLECTOR}),
    "why": ("recommend", {"games": "Drowned Chapel, Clockwork Snail"}),
    "unlink": ("link", {"steam": "fighter"}),
    "mydata": ("curate", {"tag": "Farming Sim"}),
    "digest preview": ("digest here", HERE),
    "digest stop": ("digest here", HERE),
}
"""What has to have happened for a command to have something to say."""
FOLLOWING = {"digest preview": 1}
"""Messages that follow the first one, as more cards than one holds are shown."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Its commands are those that `indiean discord sync` has sent."""
    async with staged(tmp_path_factory.mktemp("bot"), sync=False) as stage:
        status, said = await stage.indiean("discord", "sync")
        assert (status, said) == (0, "13 commands sent; they may take a minute to show.")
        async with stage.serving():
            await with_covers(stage)
            yield stage


async def with_covers(stage: Stage) -> None:
    """Covers that come too late for one answer are there for the next: here, for all."""
    member, channel = stage.discord.member("first"), stage.discord.channel()

    for game in COVERED:
        for _ in range(20):
            answer = await member.slash(channel, "curate", tag=game.tags[0], since=game.year)
            if pictures(answer.messages[0]):
                break
        else:
            raise AssertionError(f"no cover of {game.title}:\n{stage.log}")


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """Discord refuses nothing in any of these tests, and the log tells no secret."""
    shared.discord.refused.clear()
    yield shared
    assert shared.discord.refused == []
    assert shared.secrets_told() == []


async def test_all_commands_are_registered_as_they_are(stage: Stage) -> None:
    ours = {str(payload["name"]): payload for payload in command_payloads()}

    assert stage.discord.commands.keys() == ours.keys()
    for name, registered in stage.discord.commands.items():
        assert {key: registered[key] for key in ours[name]} == ours[name]


async def test_what_has_not_changed_is_not_sent_again(stage: Stage) -> None:
    status, said = await stage.indiean("discord", "sync")

    assert (status, stage.discord.world.syncs) == (0, 1)
    assert said.startswith("Nothing changed")


@pytest.mark.parametrize("arguments", [("discord", "sync"), ("serve",)], ids=" ".join)
async def test_a_refused_token_is_one_sentence_and_status_1(shared: Stage, arguments: tuple[str, ...]) -> None:
    status, said = await shared.indiean(*arguments, discord_token="A1.B2.c3")  # noqa: S106 - nobody's

    assert status == 1
    assert said.endswith("Bot, Reset Token, and set INDIEAN_DISCORD_TOKEN to the new one")
    assert "Traceback" not in said
    assert "A1.B2.c3" not in said


async def test_the_bot_asks_for_no_privileged_intent_and_hears_no_messages(stage: Stage) -> None:
    assert {said["intents"] for said in stage.discord.gateway.identified} == {1}


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
async def test_every_command_is_answered(stage: Stage, name: str, language: str, snapshot: SnapshotAssertion) -> None:
    member, channel = stage.discord.member("ann", LOCALES[language], manager=True), stage.discord.channel()
    options = {**OPTIONS.get(name, {}), **(IN_KOREAN.get(name, {}) if language == "ko" else {})}
    if name == "together":
        options["with"] = await linked(stage, channel)
    if name in BEFORE:
        said, given = BEFORE[name]
        await member.slash(channel, said, **given)
    answer = await member.slash(channel, name, **options)
    await answer.until_followed_up(FOLLOWING.get(name, 0))

    assert answer.rings == []
    assert seen(answer) == snapshot.use_extension(TextPicture)


async def linked(stage: Stage, channel: Channel) -> Member:
    bob = stage.discord.member("bob")
    await bob.slash(channel, "link", steam=FARMER)
    return bob


async def test_everything_that_is_kept_comes_as_a_file_and_is_gone_once_erased(stage: Stage) -> None:
    ann, channel = stage.discord.member("ann"), stage.discord.channel()
    await ann.slash(channel, "link", steam=FIGHTER)
    await (await ann.slash(channel, "curate", tag="Puzzle")).press("Like")
    before = await ann.slash(channel, "mydata")
    erased = await (await ann.slash(channel, "forgetme")).press("Yes, forget me")
    after = await ann.slash(channel, "mydata")

    (file,) = before.messages[-1].body.attachments
    tables = json.loads(file.content)["tables"]
    assert FIGHTER in json.dumps(tables["linked_accounts"]["rows"])
    assert tables["feedback"]["rows"]
    assert "erased" in erased.text.casefold()
    assert [message.body.attachments for message in after.messages] == [()]
