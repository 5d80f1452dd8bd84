"""A digest on its way into a channel, and the port that puts it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from recommender.weekly import Feature
from storage.digests import Slot
from storage.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Letter:
    """One digest of one channel; whoever sends it again sends the very same.

    `answer` is the id by which its buttons find it in the log, `stands_at` when it is to be seen. `begun` is when an
    earlier attempt began that may have left it there, None where there was none.
    """

    slot: Slot
    subscription: Subscription
    answer: str
    features: Sequence[Feature]
    model: str
    stands_at: datetime
    begun: datetime | None = None


class Sender(Protocol):
    """One platform. `lead` is how long before its hour a digest may be handed over, `notice` how long it has to be.

    A letter that was handed over twice stands there once: by an idempotency key of the platform, by looking first
    where an earlier attempt may have left it, or by not sending what nobody can look for. Limits are waited for.
    """

    @property
    def lead(self) -> timedelta: ...

    @property
    def notice(self) -> timedelta: ...

    async def for_adults(self, subscription: Subscription) -> bool | None:
        """Whether the platform says that the channel is for adults, None where it has no word for that.

        Raises:
            ChannelGone, NotSent: as `deliver`.
        """
        ...

    async def deliver(self, letter: Letter) -> str:
        """The platform's id of what stands there, or will at `stands_at`.

        Raises:
            ChannelGone: there is no such channel any more, or none in which the bot may speak.
            NotSent: it surely does not stand there; another try may succeed.
            Unfinished: nobody knows yet; to look again may tell.
            NobodyKnows: and nobody will, so it counts as sent.
        """
        ...
