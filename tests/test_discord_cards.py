"""Cards look as they should on a phone, keep within Discord's limits, and mean only what they say."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.discord.cards import form, messages, toggled
from bot.discord.markdown import escaped, link
from bot.messages import Attachment, Choice, Language, Origin, Outcome, Reply
from bot.presses import Deed, Press, pressed
from bot.shop import Look
from bot.wording import Wording
from recommender.reasons import Because
from recommender.recommend import Pick
from tests import worlds
from tests.discord_screen import Part, components, labels, plain, screen, walk, words
from tests.pictures import TextPicture

STORE = "https://store.steampowered.com"
TITLES = ("[Redacted]", "Ash & Arrow", "Cavern: Deeper")
PICKS = tuple(
    Pick(worlds.game(title), 0.5, (Because(worlds.game("Dicebound"), 3720, 0.8),), players=12) for title in TITLES
)
COVERS = {worlds.game(title).app_id: f"https://covers.example/{at}.jpg" for at, title in enumerate(TITLES[:2])}
ORIGIN = Origin("1234567890123456789", page=2, more=True, subject="1a")
PAGE = Reply("Picked for you, going by 5 of the 5 games in the library:", PICKS, origin=ORIGIN)

REPLIES = {
    "page": PAGE,
    "shared": replace(PAGE, private=False, origin=replace(ORIGIN, page=1)),
    "noted": replace(PAGE, picks=PICKS[:1], note="The playtime is hidden on Steam.\nSo be it."),
    "near miss": Reply(
        "I know no tag called “roguelik”. Did you mean:",
        choices=(Choice("Roguelike", "curate", {"tag": "Roguelike"}), Choice("Roguelite", "curate")),
        origin=Origin("1"),
        outcome=Outcome.NEAR_MISS,
    ),
    "asked back": Reply(
        "Whom shall I pick for?", choices=(Choice("Name games", "recommend", ask="games"),), origin=Origin("1")
    ),
    "link": Reply("Discord will ask you.", link=("Open Discord", "https://discord.com/oauth2/authorize?state=x")),
    "file": Reply("All that I keep of you:", attachment=Attachment("mydata.json", b"{}")),
}


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextPicture)


def look(language: Language = Language.EN) -> Look:
    return Look(Wording(language), STORE, COVERS)


def drawn(reply: Reply, seen: Look | None = None) -> list[list[Part]]:
    return [components(sent.view) for sent in messages(reply, seen or look())]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", REPLIES)
async def test_a_reply_looks_as_it_did(name: str, language: Language, picture: SnapshotAssertion) -> None:
    (shown,) = drawn(REPLIES[name], look(language))

    assert screen(shown, ephemeral=REPLIES[name].private) == picture


async def test_a_message_without_covers_shows_none() -> None:
    (shown,) = drawn(PAGE, look().without_covers())

    assert not [part for part in walk(shown) if part["type"] == 11]


async def test_every_card_has_its_five_buttons_and_the_page_its_three() -> None:
    (shown,) = drawn(PAGE)
    presses = [pressed(part["custom_id"]) for part in walk(shown) if "custom_id" in part]

    on_cards = [Deed.MORE_LIKE, Deed.WHY, Deed.LIKE, Deed.OWN, Deed.HIDE]
    assert [press and press.deed for press in presses] == [*on_cards * 3, Deed.PREVIOUS, Deed.NEXT, Deed.SHARE]
    assert {press and (press.answer, press.subject) for press in presses} == {(ORIGIN.answer, "1a")}
    assert [press and press.number for press in presses][-3:] == [2, 2, 2]


async def test_the_last_page_has_no_next_and_a_public_one_is_not_shared_again() -> None:
    (shown,) = drawn(replace(PAGE, private=False, origin=replace(ORIGIN, more=False)))

    assert labels(shown)[-1] == "Back"


async def test_a_choice_that_asks_carries_all_that_the_form_needs() -> None:
    (shown,) = drawn(REPLIES["asked back"])
    (code,) = [part["custom_id"] for part in walk(shown) if "custom_id" in part]

    assert pressed(code) == Press(Deed.ASK, "recommend", 0, "games")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("option", ["games", "steam"])
async def test_forms_keep_within_the_limits(language: Language, option: str) -> None:
    asked = form(Press(Deed.ASK, "recommend", 0, option), Wording(language)).to_dict()

    assert len(asked["title"]) <= 45
    assert len(asked["components"][0]["label"]) <= 45
    assert len(asked["components"][0]["description"]) <= 100


async def test_an_opinion_lights_its_button_and_puts_out_the_others() -> None:
    (sent,) = messages(PAGE, look())
    like = Press(Deed.LIKE, ORIGIN.answer, PICKS[0].game.app_id, "1a")
    toggled(sent.view, like, holds=True)
    toggled(sent.view, replace(like, deed=Deed.HIDE), holds=True)

    assert lit(sent.view) == ["Hide"]
    assert lit(toggled(sent.view, replace(like, deed=Deed.HIDE), holds=False)) == []


def lit(view: ui.LayoutView) -> list[str | None]:
    return [item.label for item in view.walk_children() if isinstance(item, ui.Button) and item.style.value == 3]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PICKED = st.builds(
    lambda title, tags, at: replace(PICKS[at], game=replace(PICKS[at].game, title=title or "x", tags=tuple(tags))),
    TEXTS,
    st.lists(TEXTS, max_size=4),
    st.integers(0, 2),
)
ANY_REPLY = st.builds(
    Reply,
    text=st.text(max_size=9000),
    picks=st.lists(PICKED, max_size=7, unique_by=lambda pick: pick.game.app_id).map(tuple),
    choices=st.lists(st.builds(Choice, TEXTS.map(lambda text: text or "x"), st.just("curate")), max_size=30).map(tuple),
    note=st.none() | st.text(min_size=1, max_size=900),
    private=st.booleans(),
    origin=st.just(ORIGIN),
)


@given(ANY_REPLY)
async def test_no_reply_is_more_than_discord_takes(reply: Reply) -> None:
    for sent in messages(reply, look()):
        parts = list(walk(components(sent.view)))
        codes = [part["custom_id"] for part in parts if "custom_id" in part]

        assert len(parts) <= 40
        assert sum(len(part.get("content", "")) for part in parts) <= 4000
        assert len(codes) == len(set(codes))
        assert all(len(part.get("label", "x")) in range(1, 81) for part in parts)


@given(st.text())
def test_an_escaped_text_reads_as_it_was_written(text: str) -> None:
    assert plain(escaped(text)) == text


@pytest.mark.parametrize(
    "text",
    ["<@123>", "<@&5>", "<#9>", "@everyone", "@here", "# big", "> quoted", "[x](https://evil.example)", "1. one"],
)
def test_nothing_that_people_are_called_is_markup(text: str) -> None:
    assert re.search(r"(?<!\\)(<[@#]|@everyone|@here|\]\(|^# |^> |[0-9]\. )", escaped(text)) is None


def test_a_title_with_brackets_is_still_a_link() -> None:
    assert link("[Redacted]", STORE) == rf"[\[Redacted\]]({STORE})"


async def test_a_long_text_is_told_in_several_messages_and_loses_nothing() -> None:
    lines = [f"line {at} " + "x" * 60 for at in range(120)]
    shown = drawn(Reply("\n".join(lines)))

    assert len(shown) == 3
    assert "\n".join(words(one) for one in shown).splitlines() == lines
