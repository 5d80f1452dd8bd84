"""The store of the Steam on 127.0.0.1: its list of apps, what it says of each, and the names of its tags."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aiohttp import web

NOT_SHOWN = 15
MOST_LISTED, USUALLY_LISTED = 50_000, 10_000
KINDS = ("games", "dlc", "software", "videos", "hardware")
BITS = {"true": True, "1": True, "false": False, "0": False}
LONGEST_ADDRESS = 8000


class LoopbackStore:
    """`page` is the most apps that one answer lists, `tags` names tags by id. Answers hold what was asked for, no more.

    Numbers of 64 bits are text, and what has its default value is left out, as Steam does it.
    """

    def __init__(self) -> None:
        self.page = MOST_LISTED
        self.tags: dict[int, str] = {}
        self.assets: dict[int, Mapping[str, object]] = {}
        self._items: dict[int, dict[str, object]] = {}
        self._listed: dict[int, tuple[str, int]] = {}  # kind and the moment of the last change

    def put(
        self,
        app_id: int,
        name: str,
        *,
        changed: int = 1_700_000_000,
        kind: str = "games",
        tags: Sequence[str] = ("Indie",),
        cents: int | None = 999,
        before_discount: int | None = None,
        release: Mapping[str, object] | None = None,
        reviews: tuple[int, int] | None = None,
        by: Sequence[str] = (),
        published_by: Sequence[str] = (),
        **more: object,
    ) -> None:
        """A game in the store; `reviews` are how many and the percentage of positive ones, `more` any other field.

        Tags that are not known yet are named, and stand in the order of their weights.
        """
        item: dict[str, object] = {"item_type": 0, "id": app_id, "success": 1, "visible": True, "name": name}
        item |= {"appid": app_id, "type": 0, "store_url_path": f"app/{app_id}/"}
        item["tags"] = [{"tagid": self._tag(tag), "weight": 1000 - at} for at, tag in enumerate(tags)]
        creators = {
            "developers": [{"name": each} for each in by],
            "publishers": [{"name": each} for each in published_by],
        }
        item["basic_info"] = {"short_description": f"{name} &quot;is&quot; a game."} | creators
        item["release"] = release if release is not None else {"steam_release_date": 1_500_000_000}
        if reviews is not None:
            item["reviews"] = {"summary_filtered": {"review_count": reviews[0], "percent_positive": reviews[1]}}
        if cents is not None:
            offer: dict[str, object] = {"packageid": app_id + 1, "final_price_in_cents": str(cents)}
            if before_discount is not None:
                offer |= {"original_price_in_cents": str(before_discount), "discount_pct": 50}
            item["best_purchase_option"] = offer
        self._items[app_id] = item | more
        self._listed[app_id] = (kind, changed)

    def poison(self, app_id: int, **fields: object) -> None:
        """A game whose item is as it should be but for these fields."""
        self._items[app_id] |= fields

    def withdraw(self, app_id: int) -> None:
        """The game is shown and listed no longer."""
        self._items.pop(app_id, None)
        self._listed.pop(app_id, None)

    def list_of_apps(self, query: Mapping[str, str]) -> web.Response:
        try:
            after, since = int(query.get("last_appid", "0")), int(query.get("if_modified_since", "0"))
            most = min(int(query.get("max_results", str(USUALLY_LISTED))), MOST_LISTED, self.page)
            kinds = {kind for kind in KINDS if BITS[query.get(f"include_{kind}", str(kind == "games").lower())]}
        except (ValueError, KeyError):
            return web.Response(status=400, text="Bad Request")
        ids = [i for i, (kind, at) in sorted(self._listed.items()) if i > after and at >= since and kind in kinds]
        apps = [
            {"appid": i, "name": self._items[i]["name"], "last_modified": self._listed[i][1], "price_change_number": 7}
            for i in ids[:most]
        ]
        answer: dict[str, object] = {"apps": apps} if apps else {}
        if len(ids) > most:
            answer |= {"have_more_results": True, "last_appid": ids[most - 1]}
        return web.json_response({"response": answer})

    def items(self, query: Mapping[str, str], length: int) -> web.Response:
        """Takes no key; of a game it may not show it gives neither name nor anything else."""
        try:
            asked = json.loads(query["input_json"])
            ids = [item["appid"] for item in asked["ids"]]
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400, text="Bad Request")
        if not asked.get("context", {}).get("country_code") or length > LONGEST_ADDRESS:
            return web.Response(status=400, text="Bad Request")
        items = [self._shown(app_id, asked.get("data_request", {})) for app_id in ids]
        return web.json_response({"response": {"store_items": items} if items else {}})

    def list_of_tags(self, query: Mapping[str, str]) -> web.Response:
        if "language" not in query:
            return web.Response(status=400, text="Bad Request")
        tags = [{"tagid": number, "name": name} for number, name in self.tags.items()]
        return web.json_response({"response": {"version_hash": "0011223344556677", "tags": tags}})

    def _tag(self, name: str) -> int:
        for number, known in self.tags.items():
            if known == name:
                return number
        number = 100 + len(self.tags)
        self.tags[number] = name
        return number

    def _shown(self, app_id: int, wanted: Mapping[str, object]) -> dict[str, object]:
        if app_id not in self._items and app_id not in self.assets:
            return {"item_type": 0, "id": app_id, "success": NOT_SHOWN, "visible": False, "name": "", "appid": 0}
        plain = {"item_type": 0, "id": app_id, "success": 1, "visible": True, "name": f"Game {app_id}", "appid": app_id}
        item = dict(self._items.get(app_id, plain))
        if app_id in self.assets:
            item["assets"] = dict(self.assets[app_id])
        for name in ("assets", "basic_info", "release", "reviews"):
            if not wanted.get(f"include_{name}"):
                item.pop(name, None)
        count = wanted.get("include_tag_count", 0)
        tags = item.get("tags")
        if isinstance(tags, list) and isinstance(count, int):
            item["tags"] = tags[:count]
        return item
