"""What people are told of a run: what went wrong, where, by which reference, and what to do next; in their language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.hosting.scheduling import telling
from bot.messages import Language
from bot.status import told
from bot.wording import Wording
from jobs.catalog_refresh import RefreshReport
from jobs.posting import News, Post
from jobs.timetable import ATTEMPTS
from jobs.work import Skipped
from storage.runs import BY_HAND, Outcome
from tests.posters import on_a_terminal, on_slack
from tests.test_runs import OVER

EN, KO = Wording(Language.EN), Wording(Language.KO)
FAILED = replace(
    OVER, outcome=Outcome.FAILED, step="gather", report=None, error="no player has enough games: import more"
)
REFRESHED = RefreshReport(9, 2, 3, 1, 0, 12, 4.25, "v7", end=True, stopped=None)


def post_of(outcome: Outcome, words: Wording = EN, attempt: int = 1) -> Post:
    post = told(replace(FAILED, outcome=outcome, attempt=attempt), None, words)
    assert post is not None
    return post


def test_a_failure_says_job_step_attempt_reference_and_what_to_do_next() -> None:
    post = post_of(Outcome.FAILED)

    assert (post.news, post.title) == (News.BAD, "The job nightly failed")
    assert post.text.splitlines()[0] == "no player has enough games: import more"
    assert post.text.endswith("indiean jobs run nightly")
    assert dict(post.facts) == {
        "Step": "gather",
        "Attempt": f"1 of {ATTEMPTS}",
        "Due": "2024-05-17 12:00 UTC",
        "Took": "300.0 s",
        "Process": "a",
        "Reference": "0badcafe",
    }


def test_of_a_killed_run_it_says_whether_it_is_begun_anew() -> None:
    first, last = post_of(Outcome.KILLED), post_of(Outcome.KILLED, attempt=ATTEMPTS)
    by_hand = post_of(Outcome.KILLED, attempt=BY_HAND)

    assert f"begun anew: attempt 2 of {ATTEMPTS}" in first.text
    assert "anew" not in last.text
    assert "anew" not in by_hand.text
    assert dict(by_hand.facts)["Attempt"] == "by hand"


@pytest.mark.parametrize("words", [EN, KO])
def test_each_way_to_end_badly_has_a_title_of_its_own(words: Wording) -> None:
    titles = {post_of(outcome, words).title for outcome in (Outcome.FAILED, Outcome.KILLED, Outcome.TIMED_OUT)}

    assert len(titles) == 3
    assert all("nightly" in title for title in titles)


def test_a_catalogue_that_changed_is_told_and_one_that_did_not_is_not() -> None:
    changed = told(OVER, REFRESHED, EN)
    stopped = told(OVER, replace(REFRESHED, stopped="Steam asks for a pause of 3 minutes"), EN)

    assert changed is not None
    assert (changed.news, changed.title) == (News.GOOD, "The catalogue: 2 games new, 3 changed, 1 gone")
    assert dict(changed.facts) == {"Took": "4.2 s", "Model": "v7"}
    assert stopped is not None
    assert (stopped.news, stopped.text) == (News.BAD, "Steam asks for a pause of 3 minutes")
    assert told(OVER, replace(REFRESHED, new=0, changed=0, delisted=0), EN) is None


def test_of_what_was_skipped_nobody_is_told_each_night() -> None:
    assert told(replace(OVER, outcome=Outcome.SKIPPED), Skipped("no key is set"), EN) is None


@pytest.mark.parametrize("place", [on_slack, on_a_terminal])
async def test_a_failure_reads_the_same_on_slack_and_on_the_terminal(place: object, tmp_path: object) -> None:
    async with place(tmp_path) as board:  # type: ignore[operator]
        await telling(board.poster, EN)(FAILED, None)
        seen = board.seen()

    for words in ("The job nightly failed", "no player has enough games: import more", "0badcafe", "gather"):
        assert words in seen
