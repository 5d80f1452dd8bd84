"""The privacy text speaks of everything that is kept, in every language, and of how to be rid of it."""

from __future__ import annotations

import pytest

from bot.commands import COMMANDS
from bot.messages import Language
from bot.wording import texts
from storage.schema import metadata

PROMISES = {
    "requests": {
        Language.EN: "your requests: when, in which server and channel",
        Language.KO: "요청: 시각, 서버와 채널",
    },
    "impressions": {Language.EN: "the games you were shown", Language.KO: "보여 드린 게임"},
    "clicks": {Language.EN: "when the link of one was opened", Language.KO: "링크가 열린 시각"},
    "reactions": {Language.EN: "when you said so or took it back", Language.KO: "되돌리신 시각"},
    "feedback": {Language.EN: "hid, like or own elsewhere", Language.KO: "숨기거나 좋아하거나 다른 곳에 가지고 계신"},
    "linked_accounts": {Language.EN: "the Steam account you linked", Language.KO: "연결하신 Steam 계정"},
    "link_states": {Language.EN: "a hash of the address", Language.KO: "주소의 해시"},
    "lake_events": {Language.EN: "a log to learn from", Language.KO: "학습용 기록"},
    "player_facts": {Language.EN: "What is learned", Language.KO: "배운 것"},
    "fitted_rows": {Language.EN: "What is learned", Language.KO: "배운 것"},
    "digest_channels": {Language.EN: "weekly digests you set up", Language.KO: "설정하신 주간 소식"},
}
"""The words about each table that has rows about people."""
OF_WORKSPACES = {
    "slack_bots": {
        Language.EN: "Of a workspace on Slack that has installed me",
        Language.KO: "저를 설치한 Slack 워크스페이스",
    },
}
OF_NOBODY = {"digests", "synced_commands", "slack_oauth_states", "lake_sequence", "runs", "fitted_versions"}
"""Tables without a row about anybody."""
LONGEST = 2000
"""Characters that every platform shows in one message."""


def test_every_table_is_spoken_of_or_known_to_be_about_nobody() -> None:
    assert PROMISES.keys() | OF_WORKSPACES.keys() | OF_NOBODY == metadata.tables.keys()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("table", PROMISES | OF_WORKSPACES)
def test_the_text_speaks_of_what_is_kept(table: str, language: Language) -> None:
    assert (PROMISES | OF_WORKSPACES)[table][language] in texts(language)["privacy.text"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("command", ["mydata", "unlink", "forgetme"])
def test_the_text_says_how_to_see_it_and_how_to_be_rid_of_it(command: str, language: Language) -> None:
    assert command in {known.name for known in COMMANDS}
    assert f"/{command}" in texts(language)["privacy.text"]


@pytest.mark.parametrize(
    ("language", "promise"),
    [
        (Language.EN, "everything about the workspace and its people is erased"),
        (Language.KO, "그 워크스페이스와 사람들에 관한 모든 것을 지워요"),
    ],
)
def test_the_text_says_what_becomes_of_a_workspace_that_removes_the_app(language: Language, promise: str) -> None:
    assert promise in texts(language)["privacy.text"]


@pytest.mark.parametrize("language", Language)
def test_the_text_fits_one_message(language: Language) -> None:
    assert len(texts(language)["privacy.text"]) < LONGEST
