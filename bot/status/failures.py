"""A run that came to nothing: in which step, by which reference the log has more, and what to do next."""

from __future__ import annotations

from bot.wording import Wording
from jobs.posting import News, Post
from jobs.timetable import ATTEMPTS
from storage.runs import Outcome, Run

TITLES = {
    Outcome.KILLED: "status.killed",
    Outcome.TIMED_OUT: "status.timed_out",
}


def told(run: Run, words: Wording) -> Post:
    title = words.say(TITLES.get(run.outcome, "status.failed"), job=run.job)
    text = "\n".join(filter(None, [run.error, _next(run, words)]))
    return Post(News.BAD, title, text, tuple(_facts(run, words)))


def _next(run: Run, words: Wording) -> str:
    if run.outcome is Outcome.KILLED and 0 < run.attempt < ATTEMPTS:
        return words.say("status.again", attempt=run.attempt + 1, most=ATTEMPTS)
    return words.say("status.look", job=run.job, reference=run.reference)


def _facts(run: Run, words: Wording) -> list[tuple[str, str]]:
    attempt = words.say("status.by_hand") if run.by_hand else words.say("status.of", n=run.attempt, most=ATTEMPTS)
    return [
        (words.say("status.step"), run.step or "–"),
        (words.say("status.attempt"), attempt),
        (words.say("status.due"), f"{run.due:%Y-%m-%d %H:%M} UTC"),
        (words.say("status.took"), words.say("status.seconds", seconds=run.seconds)),
        (words.say("status.replica"), run.replica),
        (words.say("status.reference"), run.reference),
    ]
