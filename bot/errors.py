"""What keeps the bot from running, each with one sentence for its operator.

BotError
├── NotSetUp             a setting is missing; the sentence says which
├── NoAddress            the web server cannot listen where it should
├── FileRefused          a file that was named is not what it should be
├── PlatformRefused      a platform will not have us, however often we ask
└── PlatformUnavailable  a platform does not answer properly now, or asks us to wait
"""

from __future__ import annotations


class BotError(Exception):
    """The root; `str` is the sentence."""


class NotSetUp(BotError):
    pass


class NoAddress(BotError):
    pass


class FileRefused(BotError):
    pass


class PlatformRefused(BotError):
    pass


class PlatformUnavailable(BotError):
    pass
