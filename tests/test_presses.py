"""A press survives in a code of at most 100 characters, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Origin
from bot.presses import LONGEST, Deed, Press, about, pressed, profile_of, subject_of
from storage.steam.ids import FIRST, LAST_ACCOUNT, SteamID, Vanity, parse

ANSWERS = st.text("0123456789abcdef", min_size=1, max_size=40)
PROFILES = st.integers(1, LAST_ACCOUNT).map(lambda account: str(FIRST + account)) | st.from_regex(
    r"[A-Za-z0-9_-]{2,32}", fullmatch=True
)


@given(st.sampled_from(Deed), ANSWERS, st.integers(0, 2**32 - 1), PROFILES)
def test_a_press_is_read_back_from_its_code(deed: Deed, answer: str, number: int, said: str) -> None:
    press = Press(deed, answer, number, subject_of(said))

    assert len(press.code) <= LONGEST
    assert pressed(press.code) == press


@given(PROFILES)
def test_a_subject_leads_back_to_the_same_profile(said: str) -> None:
    assert parse(profile_of(subject_of(said))) == parse(said)


@pytest.mark.parametrize(
    "said", [str(FIRST + 46), "STEAM_0:0:23", "[U:1:46]", f"steamcommunity.com/profiles/{FIRST + 46}"]
)
def test_every_form_of_one_account_is_one_subject(said: str) -> None:
    assert subject_of(said) == "1a"
    assert parse(profile_of("1a")) == SteamID(FIRST + 46)


def test_a_profile_link_with_a_name_keeps_the_name() -> None:
    assert subject_of("https://steamcommunity.com/id/roguefan/") == "~roguefan"
    assert parse(profile_of("~roguefan")) == Vanity("roguefan")


@pytest.mark.parametrize(
    "code", ["", "ia", "ia:steal:1:0:", "ia:like:1:x:", "ia:like::1:", "xx:like:1:1:", "ia:like:1:1:a b"]
)
def test_what_is_no_press_is_none(code: str) -> None:
    assert pressed(code) is None


def test_a_press_is_about_the_answer_it_stands_under() -> None:
    assert about(Origin("abc", subject="1a"), Deed.LIKE, 730) == Press(Deed.LIKE, "abc", 730, "1a")
