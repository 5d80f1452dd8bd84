"""What the doctor looks at, and what it says of each thing once somebody has looked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """`missing` and `broken` keep the bot from serving, a `warning` does not; what is `off` nobody has asked for."""

    OK = "ok"
    OFF = "off"
    WARNING = "warning"
    MISSING = "missing"
    BROKEN = "broken"


class Check(StrEnum):
    SETTINGS = "settings"
    HOME = "home"
    WAREHOUSE = "warehouse"
    MODEL = "model"
    DATABASE = "database"
    STEAM = "steam"
    DISCORD = "discord"
    STARTS = "starts"
    INTERACTIONS = "interactions"
    INSTALL = "install"
    COMMANDS = "commands"
    OAUTH = "oauth"
    PUBLIC = "public"
    INVITE = "invite"
    INSTALL_LINK = "install_link"
    SLACK = "slack"
    SLACK_WAY = "slack_way"
    SLACK_SCOPES = "slack_scopes"
    SLACK_MANIFEST = "slack_manifest"
    SLACK_STATUS = "slack_status"


@dataclass(frozen=True, slots=True)
class Finding:
    """`sentence` says what is so, and how to get what is not."""

    check: Check
    state: State
    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an HTTP request: a status, the body and the headers in small letters, or why there is none."""

    status: int | None
    content: bytes = b""
    why: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> object:
        """The content as JSON; None where it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):  # RecursionError: nested deeper than any answer is
            return None

    @property
    def fields(self) -> Mapping[str, object]:
        body = self.body
        return body if isinstance(body, Mapping) else {}


def ready(findings: Iterable[Finding]) -> bool:
    return not any(finding.state in {State.MISSING, State.BROKEN} for finding in findings)
