"""Nothing that people type or games are called is markup on Slack, and all of it reads as it was written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.mrkdwn import BACKTICK, GAP, escaped, fitting, link
from tests.slack_screen import plain

SIGNS = st.text(st.sampled_from("*_~`&<>|@#!:ab한 \n.1"), max_size=60)
STYLED = re.compile(r"(?<![0-9A-Za-z])([*_~])(?=\S)[^\n]*?(?<=\S)\1(?![0-9A-Za-z])")
"""What Slack styles, as far as can be seen: from a sign after no letter to the same sign before no letter."""


@given(st.text() | SIGNS)
def test_an_escaped_text_reads_as_it_was_written(text: str) -> None:
    assert plain(escaped(text)) == text.replace(GAP, "").replace(BACKTICK, "`")


@given(SIGNS)
def test_no_text_has_a_style_whether_a_gap_is_taken_for_a_space_or_for_a_letter(text: str) -> None:
    assert STYLED.search(escaped(text).replace(GAP, " ")) is None
    assert STYLED.search(escaped(text).replace(GAP, "x")) is None
    assert "`" not in escaped(text)


@pytest.mark.parametrize("text", ["*bold*", "so _quiet_ here", "~gone~", "*별*이", "__init__", "(*)(*)"])
def test_what_slack_would_style_is_seen_as_such_by_these_tests(text: str) -> None:
    assert STYLED.search(text)
    assert GAP in escaped(text)


@given(SIGNS)
def test_no_text_rings_links_or_quotes(text: str) -> None:
    assert re.search(r"[<>]|&(?!amp;|lt;|gt;)|(?m:^[ \t]*&gt;)", escaped(text)) is None


@pytest.mark.parametrize("text", ["<!here>", "<@U123>", "<#C1>", "<https://evil.example|free>", "@here", "@Channel"])
def test_nobody_is_called(text: str) -> None:
    assert re.search(r"<|@(here|channel)", escaped(text), re.IGNORECASE) is None


@pytest.mark.parametrize("text", [":tada:", "a :+1: b", ":한글:", "::a::"])
def test_no_name_of_an_emoji_becomes_one(text: str) -> None:
    assert re.search(rf":[^\s:{GAP}]+:", escaped(text)) is None


@pytest.mark.parametrize("text", ["snake_case_word", "Ash & Arrow", "12:30", "5*4", "Grow Up: Again"])
def test_signs_inside_words_stay_as_they_are(text: str) -> None:
    assert GAP not in escaped(text)


@pytest.mark.parametrize("title", ["[Redacted]", "a | b > c", "two\nlines", "Ash & Arrow"])
def test_a_link_keeps_its_words_and_its_address(title: str) -> None:
    written = link(title, "https://store.example/app/1/?a=1&b=2")

    assert re.fullmatch(r"<https://store.example/app/1/\?a=1&amp;b=2\|[^<>\n]*>", written)
    assert plain(written) == " ".join(title.split())


@given(SIGNS, st.integers(10, 50))
def test_a_fitting_text_is_the_beginning_of_what_is_too_long(text: str, most: int) -> None:
    written, whole = fitting(text, most), escaped(text)

    assert len(written) <= most
    assert written == whole or (plain(written).endswith("…") and len(whole) > most)
    assert text.replace(BACKTICK, "`").startswith(plain(written).removesuffix("…"))
