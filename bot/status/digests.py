"""What the people who run the bot hear of a run of the digests, unless there is nothing to tell."""

from __future__ import annotations

from bot.wording import Wording
from jobs.digest_report import CUT_OFF, DigestsReport
from jobs.posting import News, Post
from storage.digests import Row


def told(report: DigestsReport, words: Wording) -> Post | None:
    """None where nothing was sent, nobody was unsubscribed and no trouble is to be told: most runs are such.

    Troubles come gathered in the report, once a day at most; what fails now is among them then.
    """
    if not (report.sent or report.unsubscribed or report.troubles):
        return None
    gone = [
        (f"{one.platform} {one.channel}", words.say("status.digests.gone", why=one.why)) for one in report.unsubscribed
    ]
    troubles = [(f"{row.slot.platform} {row.slot.channel}", _trouble(row, words)) for row in report.troubles]
    key = "status.digests.trouble" if troubles else "status.digests.well"
    title = words.say(key, sent=len(report.sent), troubles=len(troubles), gone=len(gone))
    return Post(News.BAD if troubles else News.GOOD, title, facts=(*troubles, *gone))


def _trouble(row: Row, words: Wording) -> str:
    why = words.say("status.digests.cut_off") if row.why == CUT_OFF else row.why
    at = f"{row.next_at:%Y-%m-%d %H:%M} UTC" if row.next_at else ""
    return words.say(f"status.digests.{row.state}", week=row.slot.week, why=why, next=at)
