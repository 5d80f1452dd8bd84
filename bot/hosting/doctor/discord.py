"""What is said of Discord's side: token, application, commands and links. Nothing here looks itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from bot.hosting.doctor.finding import Answer, Check, Finding, State
from bot.wording import Wording

AUTHORIZE = "https://discord.com/oauth2/authorize"
RIGHTS = 0x400 | 0x800 | 0x4000 | 0x8000
"""See channels, send messages, embed links, attach files: what a weekly digest takes. Answers take no right at all."""
LITTLE = 50
"""Starts left of the day that are worth a warning."""
FOR_SERVERS, FOR_PEOPLE = "0", "1"
WANTED = {FOR_SERVERS: frozenset({"bot", "applications.commands"}), FOR_PEOPLE: frozenset({"applications.commands"})}


@dataclass(frozen=True, slots=True)
class OAuth:
    """How accounts are to be linked: the client id that is set, and where people come back to."""

    client_id: str
    callback: str


def without_token(words: Wording, *, needed: bool) -> Finding:
    """`needed` says that there is no other chat."""
    if needed:
        return Finding(Check.DISCORD, State.MISSING, words.say("doctor.token_missing"))
    return Finding(Check.DISCORD, State.OFF, words.say("doctor.discord_off"))


def of_token(about: Answer, words: Wording) -> Finding:
    """`about` is Discord's answer about the application."""
    if about.status == HTTPStatus.UNAUTHORIZED:
        return Finding(Check.DISCORD, State.BROKEN, words.say("doctor.token_refused"))
    if about.status != HTTPStatus.OK or not _identity(about):
        why = about.why or f"HTTP {about.status}"
        return Finding(Check.DISCORD, State.BROKEN, words.say("doctor.discord_away", why=why))
    return Finding(Check.DISCORD, State.OK, words.say("doctor.token_ok", name=about.fields.get("name", "")))


def of_application(about: Answer, words: Wording) -> list[Finding]:
    """All that can be told of an application from what Discord says about it; nothing where it says nothing."""
    identity = _identity(about)
    if about.status != HTTPStatus.OK or not identity:
        return []
    server, person = _link(identity, FOR_SERVERS, permissions=RIGHTS), _link(identity, FOR_PEOPLE)
    return [
        _of_interactions(about.fields, words),
        _of_install(about.fields, words),
        Finding(Check.INVITE, State.OK, server),
        Finding(Check.INSTALL_LINK, State.OK, person),
    ]


def of_commands(registered: Answer, ours: Sequence[Mapping[str, object]], words: Wording) -> Finding:
    known = registered.body
    if registered.status != HTTPStatus.OK or not isinstance(known, list):
        why = registered.why or f"HTTP {registered.status}"
        return Finding(Check.COMMANDS, State.WARNING, words.say("doctor.commands_unknown", why=why))
    if not any(_typed(each) for each in known):
        return Finding(Check.COMMANDS, State.MISSING, words.say("doctor.commands_missing"))
    if _shapes(list(filter(_typed, known))) != _shapes(ours):
        return Finding(Check.COMMANDS, State.WARNING, words.say("doctor.commands_changed"))
    return Finding(Check.COMMANDS, State.OK, words.say("doctor.commands_ok", count=len(ours)))


def of_starts(remaining: int, total: int, words: Wording) -> Finding:
    state = State.OK if remaining > LITTLE else State.WARNING
    key = "doctor.starts_ok" if state is State.OK else "doctor.starts_few"
    return Finding(Check.STARTS, state, words.say(key, remaining=remaining, total=total))


def of_oauth(oauth: OAuth | None, about: Answer | None, words: Wording) -> Finding:
    if oauth is None:
        return Finding(Check.OAUTH, State.OFF, words.say("doctor.oauth_off"))
    identity = _identity(about) if about else ""
    if identity and identity != oauth.client_id:
        return Finding(Check.OAUTH, State.WARNING, words.say("doctor.oauth_other", client_id=oauth.client_id))
    known = about.fields.get("redirect_uris") if about else None
    if not isinstance(known, list):
        return Finding(Check.OAUTH, State.OK, words.say("doctor.oauth_on", callback=oauth.callback))
    if oauth.callback not in known:
        return Finding(Check.OAUTH, State.BROKEN, words.say("doctor.oauth_redirect", callback=oauth.callback))
    return Finding(Check.OAUTH, State.OK, words.say("doctor.oauth_ok", callback=oauth.callback))


def _of_interactions(about: Mapping[str, object], words: Wording) -> Finding:
    address = about.get("interactions_endpoint_url")
    if address:
        return Finding(Check.INTERACTIONS, State.BROKEN, words.say("doctor.interactions_away", url=address))
    return Finding(Check.INTERACTIONS, State.OK, words.say("doctor.interactions_ok"))


def _of_install(about: Mapping[str, object], words: Wording) -> Finding:
    offered = about.get("integration_types_config")
    kinds = {kind: _scopes(offered.get(kind)) for kind in WANTED} if isinstance(offered, Mapping) else {}
    if any(kinds.get(kind) is None for kind in WANTED):
        return Finding(Check.INSTALL, State.WARNING, words.say("doctor.install_off"))
    if any(not WANTED[kind] <= (scopes or frozenset()) for kind, scopes in kinds.items()):
        return Finding(Check.INSTALL, State.WARNING, words.say("doctor.install_scopes"))
    return Finding(Check.INSTALL, State.OK, words.say("doctor.install_ok"))


def _scopes(kind: object) -> frozenset[str] | None:
    """Of one kind of installation; None where it is switched off."""
    if not isinstance(kind, Mapping):
        return None
    params = kind.get("oauth2_install_params")
    scopes = params.get("scopes") if isinstance(params, Mapping) else None
    return frozenset(map(str, scopes)) if isinstance(scopes, list) else frozenset()


def _typed(command: object) -> bool:
    """A slash command: Discord adds commands of other kinds by itself."""
    return isinstance(command, Mapping) and command.get("type", 1) == 1


def _identity(about: Answer) -> str:
    return str(about.fields.get("id") or "")


def _link(client_id: str, kind: str, permissions: int | None = None) -> str:
    rights = {} if permissions is None else {"permissions": permissions}
    asked = {"client_id": client_id, "integration_type": kind, "scope": " ".join(sorted(WANTED[kind])), **rights}
    return f"{AUTHORIZE}?{urlencode(asked)}"


def _shapes(commands: object) -> list[tuple[object, ...]]:
    """Commands or options as people see them, without what Discord adds to them and what it leaves out of an answer."""
    if not isinstance(commands, Sequence):
        return []
    return sorted((_shape(each) for each in commands if isinstance(each, Mapping)), key=repr)


def _shape(said: Mapping[str, object]) -> tuple[object, ...]:
    choices = said.get("choices")
    values = tuple(str(each.get("value")) for each in choices) if isinstance(choices, list) else ()
    flags = (bool(said.get("required")), bool(said.get("autocomplete")))
    kind = said.get("type", 1)
    return (said.get("name"), said.get("description"), kind, flags, values, tuple(_shapes(said.get("options"))))
