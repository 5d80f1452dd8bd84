"""The loopback Discord against the real client in a process of its own: what it lets through and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.loopback_discord import LoopbackDiscord, NotOffered, Unanswered, render_modal
from tests.processes import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def talking(discord: LoopbackDiscord, log: Path) -> AsyncIterator[LoopbackDiscord]:
    """A Discord that the small bot of `tests.discord_client` is logged in to."""
    async with discord, running("tests.discord_client", env=_addresses(discord), log=log):
        await discord.ready()
        yield discord


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoopbackDiscord]:
    async with talking(LoopbackDiscord(), tmp_path_factory.mktemp("discord") / "client.log") as discord:
        yield discord


@pytest.fixture
def discord(shared: LoopbackDiscord) -> LoopbackDiscord:
    """The same for every test of what goes well, with nothing refused yet."""
    shared.refused.clear()
    return shared


async def test_commands_are_registered_with_one_bulk_overwrite(discord: LoopbackDiscord) -> None:
    assert discord.world.syncs == 1
    assert {"echo", "fruit", "digest"} <= discord.commands.keys()
    assert discord.gateway.identified[0]["intents"] == 1


async def test_a_command_is_answered_by_deferring_and_then_a_card(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello")

    assert [step.what for step in answer.steps] == ["defer", "edit"]
    assert answer.text == "│ Hello\n│ (picture: a cover)\n│ ───\n│ [Count 1] [Store ↗ https://example.org/store]"
    assert discord.refused == []


async def test_a_button_edits_the_message_it_stands_under(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello")

    pressed = await (await answer.press("Count 1")).press("count:2")

    assert "Counted to 2" in answer.text
    assert pressed.message is answer.message


async def test_a_button_that_is_not_there_cannot_be_pressed(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello")

    with pytest.raises(LookupError, match="Count 1"):
        await answer.press("Count 9")
    with pytest.raises(LookupError, match="cannot be pressed"):
        await answer.press("Store")


async def test_what_is_for_one_person_cannot_be_pressed_by_another(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello", secret=True)

    assert answer.ephemeral
    with pytest.raises(LookupError, match="somebody else"):
        await answer.press("Count 1", by=discord.member("bob"))


async def test_an_option_completes_what_is_typed(discord: LoopbackDiscord) -> None:
    typing = await discord.member("ann").autocomplete(discord.channel(), "fruit", "name", "ap")

    assert [choice["value"] for choice in typing.choices] == ["apple", "apricot"]


async def test_a_form_is_opened_filled_in_and_sent(discord: LoopbackDiscord) -> None:
    form = await discord.member("ann").slash(discord.channel(), "wish")
    assert form.modal is not None
    assert render_modal(form.modal) == "╭ A wish\n│ What do you wish for?\n│ [____]"

    answer = await form.submit({"What do you wish for?": "rain"})

    assert answer.text == "You wish for rain\n(only you can see this)"
    with pytest.raises(ValueError, match="0 to 50"):
        await form.submit({"What do you wish for?": "r" * 51})


async def test_a_file_follows_for_the_asker_only(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "mine")
    await answer.until_followed_up()

    file = answer.followups[0].body.attachments[0]
    assert (file.name, file.content, answer.followups[0].ephemeral) == ("mine0.json", b"all", True)


async def test_people_and_places_are_told_as_discord_tells_them(discord: LoopbackDiscord) -> None:
    ann, bob = discord.member("ann", "ko", manager=True), discord.member("bob")
    seoul = discord.guild("Seoul", "ko")

    told = await ann.slash(discord.channel(nsfw=True, guild=seoul), "where", about=bob)
    private = await bob.slash(discord.channel("dm"), "where", about=ann)

    assert told.text == "Member in guild, ko ko nsfw=True manages=True about=bob, user=False"
    assert private.text == "User in dm, en-US None nsfw=None manages=False about=ann, user=False"


async def test_ones_own_app_works_where_the_bot_is_not(discord: LoopbackDiscord) -> None:
    ann, elsewhere = discord.member("ann", installed=True), discord.guild("Elsewhere", installed=False)

    abroad = await ann.slash(discord.channel(guild=elsewhere), "where")
    among_friends = await ann.slash(discord.channel("private"), "where")

    assert (abroad.interaction["context"], abroad.interaction["authorizing_integration_owners"]) == (0, {"1": ann.id})
    assert "Member in guild" in abroad.text
    assert "User in private" in among_friends.text
    assert among_friends.text.endswith("user=True")


async def test_a_sixth_follow_up_of_ones_own_app_is_refused(discord: LoopbackDiscord) -> None:
    discord.commands["mine"].update(integration_types=[0, 1], contexts=[0, 1, 2])

    answer = await discord.member("ann", installed=True).slash(discord.channel("private"), "mine", times=6)
    await discord.until(lambda: discord.refused)

    assert len(answer.followups) == 5
    assert [one.refusal.code for one in discord.refused] == [40094]


async def test_a_subcommand_is_found_by_two_words(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "digest here", day=3)

    assert answer.text == "every 3"


@pytest.mark.parametrize(
    ("command", "options", "why"),
    [
        ("dance", {}, "there is no /dance"),
        ("digest", {}, "wants one of"),
        ("echo", {}, "wants text"),
        ("echo", {"text": 5}, "does not take 5"),
        ("echo", {"text": "a", "loud": True}, "no option 'loud'"),
        ("digest here", {"day": 8}, "from 1 to 7"),
    ],
)
async def test_what_discord_itself_would_not_send_is_not_sent(
    discord: LoopbackDiscord, command: str, options: dict[str, object], why: str
) -> None:
    with pytest.raises(NotOffered, match=why):
        await discord.member("ann").slash(discord.channel(), command, **options)


async def test_a_command_for_servers_is_not_offered_among_friends(discord: LoopbackDiscord) -> None:
    with pytest.raises(NotOffered, match="installed"):
        await discord.member("ann").slash(discord.channel("private"), "wish")


async def test_a_mention_rings_only_where_it_is_allowed_to(discord: LoopbackDiscord) -> None:
    ann, bob, channel = discord.member("ann"), discord.member("bob"), discord.channel()

    quiet = await ann.slash(channel, "ring", whom=bob, loud=False)
    loud = await ann.slash(channel, "ring", whom=bob, loud=True)

    assert bob.mention in quiet.text
    assert (quiet.rings, loud.rings) == ([], [bob.mention])


async def test_an_over_long_answer_is_refused_and_told_of(discord: LoopbackDiscord) -> None:
    answer = await discord.member("ann").slash(discord.channel(), "shout")

    assert answer.text.startswith("400 50035 Invalid Form Body\nIn content")
    assert [one.refusal.code for one in discord.refused] == [50035]


async def test_the_bot_may_speak_unasked_where_it_is_a_member(discord: LoopbackDiscord) -> None:
    channel = discord.channel()

    await discord.member("ann").slash(channel, "speak")

    assert [message.body.content for message in discord.posted(channel)] == ["unasked"]


async def test_a_limit_for_all_and_a_trouble_of_discords_own_are_waited_out(discord: LoopbackDiscord) -> None:
    channel = discord.channel()
    discord.fail_next("POST /channels", 429, retry_after=0.05, everywhere=True)
    discord.fail_next("POST /channels", 500)

    await discord.member("ann").slash(channel, "speak")

    assert len(discord.posted(channel)) == 1
    assert discord.faults.next("POST /channels") is None


async def test_what_was_done_but_not_heard_is_there(discord: LoopbackDiscord) -> None:
    discord.drop_next("@original", after=True)

    answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello")

    assert "Hello" in answer.text


async def test_more_than_discord_allows_in_a_while_is_slowed_down(discord: LoopbackDiscord) -> None:
    typing = f"{discord.url}/channels/{discord.channel().id}/typing"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {discord.token}"}) as session:
        answers = [await session.post(typing) for _ in range(6)]
        told = await answers[-1].json()

    assert [answer.status for answer in answers] == [204] * 5 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert 0 < told["retry_after"] <= 5


async def test_without_the_token_nothing_is_told(discord: LoopbackDiscord) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bot wrong"}) as session,
        session.get(f"{discord.url}/users/@me") as answer,
    ):
        assert (answer.status, answer.headers["Content-Type"]) == (401, "application/json")


async def test_a_wrong_token_does_not_log_in(tmp_path: Path) -> None:
    async with LoopbackDiscord() as discord:
        env = _addresses(discord) | {"LOOPBACK_TOKEN": "wrong"}
        async with running("tests.discord_client", env=env, log=tmp_path / "log") as client:
            status = await asyncio.wait_for(client.wait(), 30)

        assert status == 1
        assert "LoginFailure" in (tmp_path / "log").read_text()
        assert [one.refusal.status for one in discord.refused] == [401]


async def test_who_responds_too_late_is_not_heard(tmp_path: Path) -> None:
    async with talking(LoopbackDiscord(first_response=0.2), tmp_path / "log") as discord:
        with pytest.raises(Unanswered, match="did not respond; the bot did: nothing"):
            await discord.member("ann").slash(discord.channel(), "slow", seconds=0.5)
        await discord.until(lambda: discord.refused)

        assert [one.refusal.code for one in discord.refused] == [10062]


@pytest.mark.parametrize("code", [4000, 1000, None], ids=["closed", "closed cleanly", "cut"])
async def test_what_is_missed_while_away_is_told_on_resume(tmp_path: Path, code: int | None) -> None:
    async with talking(LoopbackDiscord(), tmp_path / "log") as discord:
        await _at_home(discord)
        async with discord.away(code):
            asked = discord.member("ann").begin(discord.channel(), "echo", text="Hello")
        await asked.until_answered()

        assert len(discord.gateway.resumed) == 1
        assert len(discord.gateway.identified) == 1
        assert [step.what for step in asked.steps] == ["defer", "edit"]


async def test_a_session_that_is_gone_begins_anew(tmp_path: Path) -> None:
    async with talking(LoopbackDiscord(), tmp_path / "log") as discord:
        await _at_home(discord)
        discord.gateway.invalidate(resumable=False)
        await discord.until(lambda: len(discord.gateway.identified) == 2)
        await discord.ready()

        answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello")
        assert "Hello" in answer.text


async def test_a_request_to_reconnect_is_followed(tmp_path: Path) -> None:
    async with talking(LoopbackDiscord(), tmp_path / "log") as discord:
        await _at_home(discord)
        discord.gateway.ask_to_reconnect()

        await discord.until(lambda: len(discord.gateway.resumed) == 1)


async def test_a_gateway_that_says_nothing_more_is_left_and_resumed(tmp_path: Path) -> None:
    async with talking(LoopbackDiscord(heartbeat=0.3), tmp_path / "log") as discord:
        await discord.until(lambda: discord.gateway.beats > 2)
        assert discord.gateway.resumed == []

        discord.gateway.acknowledging = False

        await discord.until(lambda: discord.gateway.resumed)


async def test_a_bot_without_the_intents_it_asks_for_is_sent_away() -> None:
    async with LoopbackDiscord() as discord, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{discord.gateway_url}?v=10&encoding=json") as socket:
            await socket.receive_json(timeout=5)
            await socket.send_json({"op": 2, "d": {"token": discord.token, "intents": 1 << 15, "properties": {}}})
            await socket.receive(timeout=5)

        assert socket.close_code == 4014
        assert discord.gateway.closed == [4014]


async def test_buttons_outlive_the_bot(tmp_path: Path) -> None:
    async with LoopbackDiscord() as discord:
        env = _addresses(discord)
        async with running("tests.discord_client", env=env, log=tmp_path / "log") as first:
            await discord.ready()
            answer = await discord.member("ann").slash(discord.channel(), "echo", text="Hello")
            first.kill()
            await first.wait()
        await discord.until(lambda: not discord.gateway.ready)
        async with running("tests.discord_client", env=env, log=tmp_path / "log"):
            await discord.until(lambda: len(discord.gateway.identified) == 2)
            await answer.press("Count 1")

        assert "Counted to 1" in answer.text


async def _at_home(discord: LoopbackDiscord) -> None:
    """Whoever answers has heard of its session; before that there is nothing to resume."""
    await discord.member("first").slash(discord.channel(), "echo", text="Are you there?")


def _addresses(discord: LoopbackDiscord) -> dict[str, str]:
    return {
        "LOOPBACK_API_URL": discord.url,
        "LOOPBACK_GATEWAY_URL": discord.gateway_url,
        "LOOPBACK_TOKEN": discord.token,
    }
