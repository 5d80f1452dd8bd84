"""What is said of Slack's side: tokens, delivery, scopes, manifest and status channel. Nothing here looks itself."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from http import HTTPStatus

from bot.hosting.doctor.finding import Answer, Check, Finding, State
from bot.slack.manifest import slash_names
from bot.slack.running import FOR_GOOD
from bot.slack.scopes import SCOPES
from bot.wording import Wording

GRANTED = "x-oauth-scopes"
"""The header in which Slack says what a token is good for: https://docs.slack.dev/authentication/installing-with-oauth."""


def of_slack_token(about: Answer, words: Wording) -> Finding:
    """`about` is what Slack says to auth.test."""
    why = _problem(about)
    if why is None:
        name, team = about.fields.get("user", ""), about.fields.get("team", "")
        return Finding(Check.SLACK, State.OK, words.say("doctor.slack_ok", name=name, team=team))
    key = "doctor.slack_refused" if why in FOR_GOOD else "doctor.slack_away"
    return Finding(Check.SLACK, State.BROKEN, words.say(key, why=why))


def for_any_workspace(install: str, words: Wording) -> Finding:
    """`install` is the page where any workspace may install the bot."""
    return Finding(Check.SLACK, State.OK, words.say("doctor.slack_any", url=install))


def not_on_slack(words: Wording) -> Finding:
    return Finding(Check.SLACK, State.OFF, words.say("doctor.slack_off"))


def of_socket(opened: Answer, words: Wording) -> Finding:
    """`opened` is what Slack says to apps.connections.open."""
    why = _problem(opened)
    if why is None:
        return Finding(Check.SLACK_WAY, State.OK, words.say("doctor.slack_way_socket"))
    key = "doctor.slack_way_refused" if why in FOR_GOOD else "doctor.slack_away"
    return Finding(Check.SLACK_WAY, State.BROKEN, words.say(key, why=why))


def of_delivery(events_url: str | None, words: Wording) -> Finding:
    if events_url is None:
        return Finding(Check.SLACK_WAY, State.BROKEN, words.say("doctor.slack_way_nowhere"))
    return Finding(Check.SLACK_WAY, State.OK, words.say("doctor.slack_way_web", url=events_url))


def without_delivery(words: Wording, *, needed: bool) -> Finding:
    """A token alone is enough to post reports with, for who answers elsewhere."""
    if needed:
        return Finding(Check.SLACK_WAY, State.MISSING, words.say("doctor.slack_way_missing"))
    return Finding(Check.SLACK_WAY, State.OFF, words.say("doctor.slack_way_off"))


def of_scopes(about: Answer, words: Wording) -> list[Finding]:
    """Nothing where the token is no good, or Slack does not say what it is good for."""
    if _problem(about) is not None or GRANTED not in about.headers:
        return []
    granted = {scope.strip() for scope in about.headers[GRANTED].split(",")}
    missing = ", ".join(scope for scope in SCOPES if scope not in granted)
    if missing:
        return [Finding(Check.SLACK_SCOPES, State.BROKEN, words.say("doctor.slack_scopes_missing", scopes=missing))]
    return [Finding(Check.SLACK_SCOPES, State.OK, words.say("doctor.slack_scopes_ok"))]


def of_manifest(described: Mapping[str, object], wanted: AbstractSet[str], words: Wording) -> Finding:
    """Whether the manifest that ships with the bot has the commands that the bot has."""
    differing = ", ".join(f"/{name}" for name in sorted(slash_names(described) ^ wanted))
    if differing:
        said = words.say("doctor.slack_manifest_other", missing=differing)
        return Finding(Check.SLACK_MANIFEST, State.BROKEN, said)
    return Finding(Check.SLACK_MANIFEST, State.OK, words.say("doctor.slack_manifest_ok", count=len(wanted)))


def of_status_channel(channel: str | None, words: Wording, *, token: bool) -> Finding:
    if channel is None:
        return Finding(Check.SLACK_STATUS, State.OFF, words.say("doctor.slack_status_off"))
    if not token:
        return Finding(Check.SLACK_STATUS, State.WARNING, words.say("doctor.slack_status_mute"))
    return Finding(Check.SLACK_STATUS, State.OK, words.say("doctor.slack_status_ok", channel=channel))


def _problem(answer: Answer) -> str | None:
    """Slack's word for what is wrong, or ours; None where it answered well."""
    if answer.status != HTTPStatus.OK:
        return answer.why or f"HTTP {answer.status}"
    return None if answer.fields.get("ok") is True else str(answer.fields.get("error") or "no JSON")
