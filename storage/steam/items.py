"""What one question to IStoreBrowseService/GetItems looks like, which tells of many games at once and takes no key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

ITEMS = "IStoreBrowseService/GetItems/v1"
BATCH = 50
"""App ids in one question: it travels in the address, which may be some 8 KB long."""


def question(app_ids: Iterable[int], **wanted: bool | int) -> Mapping[str, str]:
    """The parameters that ask for `wanted` (fields of StoreBrowseItemDataRequest), in English and US dollars."""
    asked = {
        "ids": [{"appid": app_id} for app_id in app_ids],
        "context": {"language": "english", "country_code": "US"},
        "data_request": wanted,
    }
    return {"input_json": json.dumps(asked, separators=(",", ":"))}
