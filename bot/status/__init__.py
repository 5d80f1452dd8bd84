"""What people are told of a run: one post a kind of report, and one for all that went wrong."""

from __future__ import annotations

from bot.status import catalog, failures
from bot.wording import Wording
from jobs.catalog_refresh import RefreshReport
from jobs.posting import Post
from jobs.work import Report
from storage.runs import Run


def told(run: Run, report: Report | None, words: Wording) -> Post | None:
    """None where it is nothing to speak of."""
    match report:
        case None:
            return failures.told(run, words)
        case RefreshReport():
            return catalog.told(report, words)
    return None
