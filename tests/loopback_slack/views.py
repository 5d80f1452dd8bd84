"""What Slack demands of a modal and of a home tab."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.loopback_slack.blocks import MOST_IN_VIEW, block_flaws
from tests.loopback_slack.composition import plain_flaws
from tests.loopback_slack.refusals import Flaw, Path, choice_flaws, items, mapping, member_flaws, text_flaws

TITLE, CALLBACK, METADATA = 24, 255, 3000
SHARED = ("type", "private_metadata", "callback_id", "external_id")
OF_MODAL = ("close", "submit", "clear_on_close", "notify_on_close", "submit_disabled")


def view_flaws(found: object, kind: str, broken: Collection[str] = (), at: Path = ("view",)) -> Iterator[Flaw]:
    """Flaws of a view that is to be a modal or a home, as `kind` says."""
    view = mapping(found)
    if not isinstance(found, dict):
        yield Flaw(at, "must provide an object")
        return
    yield from choice_flaws((*at, "type"), view.get("type"), (kind,))
    yield from _members(at, view, kind)
    for name, most in (("private_metadata", METADATA), ("callback_id", CALLBACK), ("external_id", CALLBACK)):
        if view.get(name) is not None:
            yield from text_flaws((*at, name), view[name], most, 0)
    yield from block_flaws(view.get("blocks"), MOST_IN_VIEW, broken, (*at, "blocks"))


def _members(at: Path, view: Mapping[str, Any], kind: str) -> Iterator[Flaw]:
    if kind == "home":
        yield from member_flaws(at, view, SHARED, ("blocks",))
        return
    yield from member_flaws(at, view, (*SHARED, *OF_MODAL), ("title", "blocks"))
    for name in ("title", "close", "submit"):
        if view.get(name) is not None:
            yield from plain_flaws((*at, name), view[name], TITLE)
    if view.get("submit") is None and any(one.get("type") == "input" for one in items(view.get("blocks"))):
        yield Flaw(at, "missing required field: submit")
