"""A link says what it is of, nobody else can make one, and it stands on the cards of both chats if wanted."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyHttpUrl, SecretStr

from bot.discord import cards
from bot.errors import FileRefused
from bot.hosting.links import links_of
from bot.link_secret import FILE, kept_secret
from bot.links import LONGEST, Links, Shown
from bot.messages import Language, Origin, Reply
from bot.settings import Settings
from bot.shop import STORE, Look, Shop
from bot.slack import blocks
from bot.wording import Wording
from recommender.reasons import Because
from recommender.recommend import Pick
from tests import worlds
from tests.discord_screen import components, walk
from tests.slack_screen import walk as walk_blocks

SECRET = b"0123456789abcdef0123456789abcdef"
LINKS = Links("https://bot.example/", SECRET)
IDS = st.text("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-", min_size=1, max_size=40)
SHOWN = st.builds(Shown, IDS, st.integers(1, 9999), st.integers(1, 2**31 - 1))
ANSWER = "1234567890123456789"
TITLES = ("[Redacted]", "Ash & Arrow", "Cavern: Deeper")
PICKS = tuple(Pick(worlds.game(title), 0.5) for title in TITLES)
APP_IDS = [pick.game.app_id for pick in PICKS]
Draw = Callable[[Reply, dict[int, str]], str]


def token_of(shown: Shown, links: Links = LINKS) -> str:
    return (links.of(shown) or "").removeprefix("https://bot.example/go/")


@given(SHOWN)
def test_a_link_is_read_back_as_what_it_was_made_of(shown: Shown) -> None:
    address = LINKS.of(shown)

    assert address is not None
    assert address.startswith("https://bot.example/go/1.")
    assert len(address) <= 110
    assert LINKS.read(token_of(shown)) == shown


@given(SHOWN, st.integers(0, 200), st.characters(codec="utf-8"))
def test_a_link_with_another_sign_anywhere_is_none(shown: Shown, at: int, sign: str) -> None:
    token = token_of(shown)
    at %= len(token)
    forged = token[:at] + sign + token[at + 1 :]

    assert forged == token or LINKS.read(forged) is None


@given(st.text(max_size=120))
def test_whatever_else_is_asked_for_is_no_link(said: str) -> None:
    assert LINKS.read(said) is None


@given(SHOWN, st.integers(1, 20))
def test_a_link_that_is_cut_short_or_goes_on_is_none(shown: Shown, cut: int) -> None:
    token = token_of(shown)

    assert LINKS.read(token[:-cut]) is None
    assert LINKS.read(token + "A" * cut) is None


@given(SHOWN, SHOWN)
def test_a_signature_is_good_for_its_own_link_only(shown: Shown, other: Shown) -> None:
    said, _, signature = token_of(shown).rpartition(".")
    others, _, _ = token_of(other).rpartition(".")

    assert (LINKS.read(f"{others}.{signature}") is None) == (said != others)


def test_another_secret_s_links_are_not_ours_and_a_link_of_ours_has_no_end() -> None:
    shown = Shown(ANSWER, 1, 620)

    assert LINKS.read(token_of(shown, replace(LINKS, secret=b"another" * 6))) is None
    assert token_of(shown) == token_of(shown)
    assert "another" not in repr(replace(LINKS, secret=b"another"))


def test_the_same_link_is_made_by_every_version_of_the_bot() -> None:
    """Those that stand in chats have to lead on."""
    assert LINKS.of(Shown("a1", 2, 620)) == "https://bot.example/go/1.a1.2.620.-6iroyypVnlm6B15"


@pytest.mark.parametrize("answer", ["", "a b", "a/b", "a.b", "x" * 41, "é", "?a=b"])
def test_an_answer_whose_id_fits_no_link_leads_straight_to_the_store(answer: str) -> None:
    assert LINKS.of(Shown(answer, 1, 620)) is None
    assert Shop(links=LINKS).ways(answer, [620]) == {}


def test_an_address_that_is_too_long_for_a_card_leads_straight_to_the_store() -> None:
    long = Links(f"https://bot.example/{'x' * LONGEST}", SECRET)

    assert Shop(links=long).ways(ANSWER, [620]) == {}


def test_without_links_the_shop_knows_no_other_way() -> None:
    assert Shop().ways(ANSWER, APP_IDS) == {}


def test_each_game_of_an_answer_has_a_link_with_its_place() -> None:
    ways = Shop(links=LINKS).ways(ANSWER, APP_IDS)
    read = [LINKS.read(address.rpartition("/")[2]) for address in ways.values()]

    assert read == [Shown(ANSWER, at, app_id) for at, app_id in enumerate(APP_IDS, 1)]


def on_discord(reply: Reply, ways: dict[int, str]) -> str:
    sent = cards.messages(reply, Look(Wording(Language.EN), STORE, {}, ways))
    parts = [part for one in sent for part in walk(components(one.view))]
    assert sum(len(part.get("content", "")) for part in parts) <= 4000
    return "\n".join(part.get("content", "") for part in parts)


def on_slack(reply: Reply, ways: dict[int, str]) -> str:
    sent = blocks.messages(reply, Look(Wording(Language.EN), STORE, {}, ways))
    texts = [part["text"] for one in sent for part in walk_blocks(list(one.blocks)) if part.get("type") == "mrkdwn"]
    assert all(len(text) <= 3000 for text in texts)
    return "\n".join(texts)


@pytest.mark.parametrize("draw", [on_discord, on_slack])
def test_cards_lead_by_the_links_of_the_answer_where_there_are_some_and_to_the_store_else(draw: Draw) -> None:
    reply = Reply("Picked for you:", PICKS, origin=Origin(ANSWER))
    ways = Shop(links=LINKS).ways(ANSWER, APP_IDS)

    counted, straight = draw(reply, ways), draw(reply, {})
    assert all(f"({address})" in counted or f"<{address}|" in counted for address in ways.values())
    assert STORE not in counted
    assert [f"{STORE}/app/{app_id}/" in straight for app_id in APP_IDS] == [True] * 3
    assert "/go/" not in straight


@pytest.mark.parametrize("draw", [on_discord, on_slack])
def test_the_longest_links_on_the_longest_cards_fit_a_message(draw: Draw) -> None:
    game = replace(worlds.game("[Redacted]"), title="Ash & Arrow: " * 8)
    because = tuple(Because(replace(game, app_id=at), 60 * 1000, 0.3) for at in range(1, 4))
    picks = tuple(Pick(replace(game, app_id=10**9 + at), 0.5, because, 10**6) for at in range(3))
    links = Links(f"https://bot.example/{'x' * 150}", SECRET)
    ways = Shop(links=links).ways("x" * 40, [pick.game.app_id for pick in picks])
    drawn = draw(Reply("Picked for you:", picks, note="n" * 300, origin=Origin(ANSWER)), ways)

    assert max(map(len, ways.values())) > LONGEST - 15
    assert all(address in drawn for address in ways.values())


def test_the_secret_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = kept_secret(home)

    assert kept_secret(home) == first
    assert len(first) == 64
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == [FILE]
    assert kept_secret(tmp_path / "elsewhere") != first


def test_of_processes_that_make_it_at_once_all_have_the_same(tmp_path: Path) -> None:
    make = "import sys, pathlib, bot.link_secret as s; print(s.kept_secret(pathlib.Path(sys.argv[1])).decode())"
    run = [sys.executable, "-c", make, str(tmp_path / "home")]
    root = Path(__file__).parents[1]
    several = [subprocess.Popen(run, stdout=subprocess.PIPE, cwd=root) for _ in range(4)]  # noqa: S603 - our own
    said = {process.communicate(timeout=60)[0] for process in several}

    assert len(said) == 1
    assert len(said.pop()) == 65


def test_a_secret_that_is_damaged_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("short")

    with pytest.raises(FileRefused, match="delete it"):
        kept_secret(tmp_path)


def settings(home: Path, **values: object) -> Settings:
    return Settings.model_validate({"home": home, **values})


def test_there_are_links_only_where_somebody_can_follow_them(tmp_path: Path) -> None:
    public = AnyHttpUrl("https://bot.example")

    assert links_of(settings(tmp_path)) is None
    assert not list(tmp_path.iterdir())
    kept = links_of(settings(tmp_path, public_url=public))
    said = links_of(settings(tmp_path, public_url=public, link_secret=SecretStr("s" * 32)))
    assert kept is not None
    assert kept.secret == kept_secret(tmp_path)
    assert said is not None
    assert said.secret == b"s" * 32
