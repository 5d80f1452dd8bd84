"""Answers look as they should in Slack, and keep within its limits."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.messages import Attachment, Choice, Language, Origin, Outcome, Reply
from bot.presses import Deed, Press, pressed
from bot.shop import Look
from bot.slack.blocks import Sent, messages
from bot.slack.opinions import toggled
from bot.wording import Wording
from recommender.reasons import Because
from recommender.recommend import Pick
from tests import worlds
from tests.pictures import TextPicture
from tests.slack_limits import TEXT, too_much, travels
from tests.slack_screen import labels, plain, screen, walk, words

STORE = "https://store.steampowered.com"
TITLES = ("[Redacted]", "Ash & Arrow", "Cavern: Deeper")
PICKS = tuple(
    Pick(worlds.game(title), 0.5, (Because(worlds.game("Dicebound"), 3720, 0.8),), players=12) for title in TITLES
)
COVERS = {worlds.game(title).app_id: f"https://covers.example/{at}.jpg" for at, title in enumerate(TITLES[:2])}
ORIGIN = Origin("1234567890123456789", page=2, more=True, subject="1a")
PAGE = Reply("Picked for you, going by 5 of the 5 games in the library:", PICKS, origin=ORIGIN)
GROUP = tuple(
    replace(pick, because=(), members=members) for pick, members in zip(PICKS, [(0, 1), (1,), (0,)], strict=True)
)

REPLIES = {
    "page": PAGE,
    "shared": replace(PAGE, private=False, origin=replace(ORIGIN, page=1)),
    "noted": replace(PAGE, picks=PICKS[:1], note="The playtime is hidden on Steam.\nSo be it."),
    "group": replace(PAGE, text="Games for *Ann* and <@Bob> together:", picks=GROUP, members=("*Ann*", "<@Bob>")),
    "near miss": Reply(
        "I know no tag called “roguelik”. Did you mean:",
        choices=(Choice("Roguelike", "curate", {"tag": "Roguelike"}), Choice("Roguelite", "curate")),
        origin=Origin("1"),
        outcome=Outcome.NEAR_MISS,
    ),
    "many choices": Reply(
        "Which one?", choices=tuple(Choice(f"Number {at}", "curate") for at in range(12)), origin=Origin("1")
    ),
    "asked back": Reply(
        "Whom shall I pick for?", choices=(Choice("Name games", "recommend", ask="games"),), origin=Origin("1")
    ),
    "link": Reply("Slack will ask you.", link=("Open the page", "https://example.com/authorize?state=x")),
    "file": Reply("All that I keep of you:", attachment=Attachment("mydata.json", b"{}")),
}


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextPicture)


def look(language: Language = Language.EN) -> Look:
    return Look(Wording(language), STORE, COVERS)


def drawn(reply: Reply, seen: Look | None = None) -> Sent:
    (sent,) = messages(reply, seen or look())
    return sent


def presses(blocks: list[dict[str, object]]) -> list[Press | None]:
    return [pressed(part["value"]) for part in walk(blocks) if "value" in part]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_looks_as_it_did(name: str, language: Language, picture: SnapshotAssertion) -> None:
    sent = drawn(REPLIES[name], look(language))

    assert f"{screen(sent.blocks, ephemeral=REPLIES[name].private)}\n{sent.text}\n" == picture


def test_a_message_without_covers_shows_none() -> None:
    assert not [part for part in walk(drawn(PAGE, look().without_covers()).blocks) if part.get("type") == "image"]


def test_every_card_has_its_five_reactions_and_the_page_its_three() -> None:
    found = presses(drawn(PAGE).blocks)

    on_cards = [Deed.MORE_LIKE, Deed.LIKE, Deed.WHY, Deed.OWN, Deed.HIDE]
    assert [press and press.deed for press in found] == [*on_cards * 3, Deed.PREVIOUS, Deed.NEXT, Deed.SHARE]
    assert {press and (press.answer, press.subject) for press in found} == {(ORIGIN.answer, "1a")}
    assert [press and press.number for press in found][-3:] == [2, 2, 2]


def test_every_button_says_its_deed_in_its_id() -> None:
    buttons = [part for part in walk(drawn(PAGE).blocks) if part.get("type") == "button"]

    for part in buttons:
        press = pressed(part["value"])
        assert press is not None
        assert part["action_id"] == f"ia:{press.deed}:{press.number}"


def test_the_last_page_has_no_next_and_a_public_one_is_not_shared_again() -> None:
    assert labels(drawn(replace(PAGE, private=False, origin=replace(ORIGIN, more=False))).blocks)[-1] == "◀️ Back"


def test_a_choice_that_asks_carries_all_that_the_form_needs() -> None:
    assert presses(drawn(REPLIES["asked back"]).blocks) == [Press(Deed.ASK, "recommend", 0, "games")]


OPINIONS = {Deed.LIKE: "✓ Like", Deed.OWN: "✓ Own it", Deed.HIDE: "✓ Hide"}
LIKE = Press(Deed.LIKE, ORIGIN.answer, PICKS[0].game.app_id, "1a")


@pytest.mark.parametrize("deed", OPINIONS)
def test_an_opinion_is_seen_and_puts_out_the_others(deed: Deed, picture: SnapshotAssertion) -> None:
    liked = toggled(drawn(PAGE).blocks, LIKE, holds=True)
    shown = toggled(liked, replace(LIKE, deed=deed), holds=True)

    assert [pressed(part["value"]) for part in walk(shown) if part.get("style")] == [replace(LIKE, deed=deed)]
    assert {label for label in labels(shown) if label.startswith("✓")} == {OPINIONS[deed]}
    assert too_much(shown) == []
    assert screen(shown[:3]) == picture


@pytest.mark.parametrize("deed", OPINIONS)
def test_an_opinion_taken_back_leaves_the_message_as_it_was(deed: Deed) -> None:
    sent = drawn(PAGE)
    press = replace(LIKE, deed=deed)

    assert toggled(toggled(sent.blocks, press, holds=True), press, holds=False) == sent.blocks


def test_what_slack_adds_to_a_picture_is_not_sent_back() -> None:
    sent = drawn(PAGE)
    heard = copy.deepcopy(sent.blocks)
    for part in walk(heard):
        if part.get("type") == "image":
            cast("dict[str, object]", part).update(image_width=460, fallback="460x215px image")

    assert heard != sent.blocks
    assert toggled(heard, LIKE, holds=False) == sent.blocks


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.text("&<>*_`:@", max_size=700)
PICKED = st.builds(
    lambda title, tags, at, number, members: replace(
        PICKS[at], game=replace(PICKS[at].game, title=title or "x", tags=tuple(tags), app_id=number), members=members
    ),
    TEXTS,
    st.lists(TEXTS, max_size=4),
    st.integers(0, 2),
    st.integers(1, 40),
    st.sampled_from([(), (0,), (0, 1)]),
)
LABELS = TEXTS.map(lambda text: text or "x")
CHOSEN = st.builds(Choice, LABELS, st.just("curate"), ask=st.sampled_from([None, "games"]))
ANY_REPLY = st.builds(
    Reply,
    text=st.text(max_size=9000) | st.integers(0, 16_000).map(lambda n: "&" * n),
    picks=st.lists(PICKED, max_size=30, unique_by=lambda pick: pick.game.app_id).map(tuple),
    choices=st.lists(
        st.builds(Choice, LABELS, st.just("curate"), ask=st.sampled_from([None, "games"])), max_size=30
    ).map(tuple),
    note=st.none() | st.text(min_size=1, max_size=900),
    private=st.booleans(),
    origin=st.just(ORIGIN) | st.none(),
    members=st.tuples(TEXTS, TEXTS),
    link=st.none() | st.tuples(LABELS, st.just("https://example.com/")),
    attachment=st.none() | st.just(Attachment("mydata.json", b"{}")),
)


@given(ANY_REPLY, st.sampled_from(Language))
def test_no_reply_is_more_than_slack_takes(reply: Reply, language: Language) -> None:
    covers = {pick.game.app_id: "https://covers.example/1.jpg" for pick in reply.picks}

    for sent in messages(reply, Look(Wording(language), STORE, covers)):
        assert too_much(sent.blocks) == []
        assert travels(sent.blocks)
        assert 0 < len(sent.text) <= TEXT


def test_more_cards_than_one_message_holds_are_told_in_several() -> None:
    picks = tuple(replace(PICKS[0], game=replace(PICKS[0].game, app_id=at, title=f"Game {at}")) for at in range(1, 41))
    sent = messages(replace(PAGE, picks=picks), look())

    assert len(sent) > 1
    assert [line for one in sent for line in words(one.blocks).splitlines() if line.startswith("Game ")] == [
        pick.game.title for pick in picks
    ]
    assert "[▶️ Next]" in words(sent[-1].blocks)


def test_a_long_text_is_told_in_several_blocks_and_loses_nothing() -> None:
    lines = [f"line {at} " + "x" * 60 for at in range(300)]
    sent = messages(Reply("\n".join(lines)), look())

    assert len(sent) == 2
    assert "\n".join(words(one.blocks) for one in sent).splitlines() == lines


def test_the_text_beside_the_blocks_says_all_that_they_say() -> None:
    sent = drawn(REPLIES["group"])

    read = [line for line in words(sent.blocks).splitlines() if not line.startswith("[")]
    assert [line for line in read if line not in plain(sent.text)] == []
