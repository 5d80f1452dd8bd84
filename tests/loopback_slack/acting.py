"""What an acknowledgement, a response_url and a view that is opened do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tests.loopback_slack.composition import offered_flaws
from tests.loopback_slack.exchange import COMMAND, Exchange
from tests.loopback_slack.filling import begin
from tests.loopback_slack.messages import Message, drafted, finished
from tests.loopback_slack.refusals import Flaw, Payload, Refusal, insist, items, mapping, text_flaws
from tests.loopback_slack.views import view_flaws
from tests.loopback_slack.world import View, World, timestamp

if TYPE_CHECKING:
    from tests.loopback_slack.people import Member

MOST_USES, MOST_VIEWS = 5, 3


def acknowledge(world: World, exchange: Exchange, body: Payload | None) -> None:
    """What comes too late is noted, and nobody sees it."""
    exchange.acknowledged(body)
    if exchange.age > world.first_response:
        return
    try:
        if exchange.kind == COMMAND and body:
            respond(world, exchange, body)
        elif exchange.what == "view_submission":
            _submitted(world, exchange, body or {})
        elif exchange.what == "block_suggestion":
            _offer(exchange, body or {})
    except Refusal as refusal:
        world.refuse(f"ack of {exchange.what}", refusal, body)


def respond(world: World, exchange: Exchange, said: Payload) -> Message:
    """A new message, for one person alone unless it says otherwise. Raises Refusal."""
    public = said.get("response_type") == "in_channel"
    world.warn_of_text(exchange.what, said)
    body = drafted(said, world.broken_images, ephemeral=not public)
    team, to = exchange.member.team, None if public else exchange.member.id
    message = Message(timestamp(), exchange.channel.id, team.bot_user, body, to, world.app_id, said.get("thread_ts"))
    exchange.note("message" if public else "ephemeral", world.place(message))
    return message


def respond_by_url(world: World, token: str, said: Payload) -> None:
    """Raises Refusal; one that is refused is not counted."""
    hook = world.hooks.get(token)
    if hook is None:
        raise Refusal("invalid_url", status=404)
    if time.monotonic() - hook.born > world.hook_life:
        raise Refusal("expired_url", status=404)
    if hook.uses >= MOST_USES:
        raise Refusal("used_url", status=404)
    original, exchange = hook.original, hook.exchange
    if original is not None and said.get("delete_original"):
        remove(exchange, original)
    elif original is not None and _replaces(world, exchange, said):
        rewrite(world, exchange, original, said)
    elif said.get("delete_original"):
        raise Refusal("message_not_found", status=404)
    else:
        if said.get("replace_original"):
            world.warnings.append(f"{exchange.what}: there is no original to replace, this is a new message")
        respond(world, exchange, said)
    hook.uses += 1


def _replaces(world: World, exchange: Exchange, said: Payload) -> bool:
    """An answer to a press takes the place of the message unless it says that it does not."""
    if "replace_original" in said:
        return bool(said["replace_original"])
    if said.get("response_type") is None:
        world.warnings.append(f"{exchange.what}: it does not say whether it replaces the original")
        return True
    return False


def rewrite(world: World, exchange: Exchange | None, message: Message, said: Payload) -> None:
    """Nobody else sees a message for having been edited. Raises Refusal."""
    if message.deleted:
        raise Refusal("message_not_found")
    world.warn_of_text("edit" if exchange is None else exchange.what, said)
    message.body = drafted(said, world.broken_images, ephemeral=message.ephemeral)
    message.edits += 1
    _tell(exchange, message, "edit")


def remove(exchange: Exchange | None, message: Message) -> None:
    """Raises Refusal."""
    if message.deleted:
        raise Refusal("message_not_found")
    message.deleted = True
    _tell(exchange, message, "delete")


def _tell(exchange: Exchange | None, message: Message, what: str) -> None:
    if exchange is not None:
        exchange.note(what, message)
    for other in list(message.exchanges):
        if other is not exchange and exchange not in other.heirs:
            other.note(what, message)


def open_view(world: World, trigger_id: str, said: object, *, push: bool = False) -> View:
    """Raises Refusal."""
    trigger = world.triggers.get(trigger_id)
    if trigger is None:
        raise Refusal("invalid_trigger_id")
    if time.monotonic() - trigger.born > world.first_response:
        raise Refusal("expired_trigger_id")
    if trigger.used:
        raise Refusal("exchanged_trigger_id")
    view = _view(world, trigger.exchange, said, trigger.exchange.within if push else None)
    trigger.used = True
    trigger.exchange.note("push" if push else "view", view=view)
    return view


def _view(world: World, exchange: Exchange, said: object, previous: View | None) -> View:
    insist("invalid_arguments", view_flaws(said, "modal", world.broken_images))
    view = View(exchange.member, _body(mapping(said)), exchange, previous=previous)
    depth, below = 1, previous
    while below is not None:
        depth, below = depth + 1, below.previous
    if depth > MOST_VIEWS:
        raise Refusal("push_limit_reached")
    begin(view)
    world.views[view.id] = view
    return view


def _body(said: Mapping[str, object]) -> Payload:
    blocks = said["blocks"]
    return {**said, "blocks": finished(items(blocks))}


def update_view(world: World, view: View, said: object, expected: str | None = None) -> View:
    """Raises Refusal; `expected` is the hash of what the bot believes to be there."""
    if not view.open:
        raise Refusal("not_found")
    if expected and expected != view.hash:
        raise Refusal("hash_conflict")
    insist("invalid_arguments", view_flaws(said, str(view.body["type"]), world.broken_images))
    view.body, view.hash = _body(mapping(said)), timestamp()
    begin(view)
    view.exchange.note("update", view=view)
    return view


def publish_home(world: World, member: Member, said: object, expected: str | None = None) -> View:
    """Raises Refusal."""
    insist("invalid_arguments", view_flaws(said, "home", world.broken_images))
    old, exchange = world.homes.get(member.id), world.latest(member.id)
    if expected and (old is None or old.hash != expected):
        raise Refusal("hash_conflict")
    view = old or View(member, {}, exchange or Exchange(world, member, world.direct(member), "", "nothing"))
    view.body, view.hash, view.typed = _body(mapping(said)), timestamp(), {}
    begin(view)
    world.views[view.id] = world.homes[member.id] = view
    view.exchange = exchange or view.exchange
    view.exchange.note("publish", view=view)
    return view


def _submitted(world: World, exchange: Exchange, body: Payload) -> None:
    view, action = exchange.within, body.get("response_action")
    assert view is not None, "only a view is submitted"
    if action is None:
        view.open = False
        exchange.note("close")
    elif action == "clear":
        for one in world.views.values():
            one.open = one.open and one.root is not view.root
        exchange.note("close")
    elif action == "errors":
        insist("invalid_arguments", _error_flaws(view, body.get("errors")))
        exchange.errors = dict(mapping(body["errors"]))
        exchange.note("errors")
    elif action == "update":
        update_view(world, view, body.get("view"))
        exchange.note("update", view=view)
    elif action == "push":
        exchange.note("push", view=_view(world, exchange, body.get("view"), view))
    else:
        raise Refusal("invalid_arguments", [Flaw(("response_action",), "must be a valid enum value")])


def _error_flaws(view: View, errors: object) -> Iterator[Flaw]:
    fields = {block["block_id"] for block in items(view.body["blocks"]) if block["type"] == "input"}
    if not mapping(errors):
        yield Flaw(("errors",), "must provide an object")
    for name, text in mapping(errors).items():
        if name not in fields:
            yield Flaw(("errors", name), "there is no input block of this block_id")
        yield from text_flaws(("errors", name), text, 2000)


def _offer(exchange: Exchange, body: Payload) -> None:
    insist("invalid_arguments", offered_flaws((), body))
    grouped = [option for group in items(body.get("option_groups")) for option in items(group.get("options"))]
    exchange.offered = [dict(option) for option in (*items(body.get("options")), *grouped)]
    if exchange.within is not None:
        exchange.within.offered.setdefault(exchange.payload["action_id"], []).extend(exchange.offered)
    exchange.note("options")
