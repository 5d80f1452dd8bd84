"""What keeps a job from being done, each with one sentence for the operator.

JobError
├── RecordRefused       the record of a tuner is damaged, or of something else
├── UnknownJob          no job of the timetable is called that
├── TimetableRefused    a job of the timetable has no work
├── JobBusy             the job runs already, or one that it must not run beside
├── WorkRefused         a job cannot be done as the bot is set up
├── ChildFailed         a process of ours was ended, refused, or answered what it should not
├── StepFailed          a job came to a step that could not be done
├── Undelivered         a digest is not known to stand in its channel
│   ├── ChannelGone     nor will it ever: the channel is gone, or the bot from it
│   ├── NotSent         it surely does not; worth another try
│   ├── Unfinished      nobody knows yet; worth another look
│   └── NobodyKnows     nobody will ever know, so it counts as sent
└── NotPosted           a post could not be put where it belongs
    └── ChartNotPosted  all of it stands there but its chart: once more would say it twice
"""

from __future__ import annotations


class JobError(Exception):
    """The root; `str` is the sentence."""


class RecordRefused(JobError):
    pass


class UnknownJob(JobError):
    pass


class TimetableRefused(JobError):
    pass


class JobBusy(JobError):
    pass


class WorkRefused(JobError):
    pass


class ChildFailed(JobError):
    pass


class StepFailed(JobError):
    """`step` is the name that the job gave it, `why` the sentence."""

    def __init__(self, step: str, why: str, after: str = "") -> None:
        super().__init__(f"{step}: {why}{after}")
        self.step = step
        self.why = why


class Undelivered(JobError):
    pass


class ChannelGone(Undelivered):
    pass


class NotSent(Undelivered):
    """`retry_after` is how many seconds the platform wants to be left alone, 0 where it does not say."""

    def __init__(self, why: str, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class Unfinished(Undelivered):
    pass


class NobodyKnows(Undelivered):
    pass


class NotPosted(JobError):
    pass


class ChartNotPosted(NotPosted):
    """`why` is what kept the chart away."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the message stands, without its chart: {why}")
