"""One published version on disk: written whole, checked byte by byte when opened, its matrix memory-mapped.

<version>/manifest.json       the card, and the size and SHA-256 of the other two
<version>/model.safetensors   the matrix, the item ids, their players
<version>/catalog.json        every game, a row and a line each in the order of `Game`'s fields

A version whose catalogue alone is new shares the matrix of the one it was made of: one file with two names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from recommender.catalog import Catalog, Game
from recommender.confidence import Confidence
from recommender.engine import Served
from recommender.errors import DamagedModel
from recommender.interactions import Floats, ItemIndex, Weighting
from recommender.linear import Linear, LinearSettings

MODEL, CATALOG, MANIFEST = "model.safetensors", "catalog.json", "manifest.json"
GAME = [field.name for field in fields(Game)]


@dataclass(frozen=True)
class Card:
    """What is known of one version: `metrics` is a `Report.as_dict()` or empty, `fingerprint` that of the data.

    `matrix_of` is the version that brought the matrix, where this one brought only a catalogue. `confidence` is None
    where the model was not measured.
    """

    version: str
    created: datetime
    settings: LinearSettings
    metrics: Mapping[str, Mapping[str, float]]
    fingerprint: str
    synthetic: bool
    players: int
    items: int
    matrix_of: str | None = None
    confidence: Confidence | None = None


def write_version(folder: Path, card: Card, model: Linear, catalog: Iterable[Game]) -> None:
    tensors = {
        "inverse": np.ascontiguousarray(model.inverse),
        "app_ids": model.items.app_ids,
        "players": model.items.players,
    }
    if model.items.played is not None:
        tensors["played"] = model.items.played
    save_file(tensors, folder / MODEL)
    (folder / CATALOG).write_text(_written(catalog), "utf-8")
    _seal(folder, card, model.items.stamp, {name: _facts(folder / name) for name in (MODEL, CATALOG)})


def write_catalog(folder: Path, card: Card, base: Path, catalog: Iterable[Game]) -> bool:
    """The version at `base`, every byte of it checked, with another catalogue; False if it has that very one.

    Raises:
        DamagedModel: a file of `base` is missing, changed or cut short.
    """
    manifest = _manifest(base)
    _verify(base, manifest)
    (folder / CATALOG).write_text(_written(catalog), "utf-8")
    facts = _facts(folder / CATALOG)
    if facts == manifest["files"][CATALOG]:
        return False
    _share(base / MODEL, folder / MODEL)
    _seal(folder, card, manifest["stamp"], manifest["files"] | {CATALOG: facts})
    return True


def _share(existing: Path, new: Path) -> None:
    """A second name for the same bytes, or a copy where the file system has no second names."""
    try:
        os.link(existing, new)
    except OSError:
        shutil.copyfile(existing, new)


def _seal(folder: Path, card: Card, stamp: str, files: Mapping[str, object]) -> None:
    manifest = asdict(card) | {"created": card.created.isoformat(), "stamp": stamp, "files": files}
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2))
    for name in (MODEL, CATALOG):
        sync(folder / name)


def _written(catalog: Iterable[Game]) -> str:
    rows = (json.dumps(_plain(game), ensure_ascii=False) for game in catalog)
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _facts(path: Path) -> dict[str, object]:
    return {"bytes": path.stat().st_size, "sha256": _digest(path)}


def read_card(folder: Path) -> Card:
    """What a version says of itself, its files unchecked.

    Raises:
        DamagedModel: the manifest is missing or not as it was written.
    """
    return _card(_manifest(folder))


def open_version(folder: Path) -> Served:
    """Checks every byte against the manifest, then maps the matrix into memory.

    Raises:
        DamagedModel: a file is missing, changed or cut short.
    """
    manifest = _manifest(folder)
    _verify(folder, manifest)
    card = _card(manifest)
    tensors = _mapped(folder / MODEL)
    played = np.asarray(tensors["played"], np.int32) if "played" in tensors else None
    items = ItemIndex(np.asarray(tensors["app_ids"]), np.asarray(tensors["players"]), played)
    if items.stamp != manifest["stamp"]:
        raise DamagedModel(f"{folder}: the item ids are not those of the manifest")
    owners = dict(zip(items.app_ids.tolist(), items.players.tolist(), strict=True))
    scorer = Linear(items, tensors["inverse"], card.settings)
    return Served(
        card.version, scorer, Catalog(_read_catalog(folder / CATALOG), owners), card.synthetic, card.confidence
    )


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedModel(f"{folder / MANIFEST} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise DamagedModel(f"{folder / MANIFEST} is no manifest")
    return found


def _card(manifest: Mapping[str, Any]) -> Card:
    try:
        kept = {field.name: manifest[field.name] for field in fields(Card) if field.default is MISSING}
        kept["matrix_of"] = manifest.get("matrix_of")  # unknown to versions that were published before there was any
        measured = manifest.get("confidence")
        kept["confidence"] = Confidence.read(measured["curves"]) if measured is not None else None
        settings = kept["settings"]
        kept["settings"] = LinearSettings(settings["l2"], settings["dropout"], Weighting(**settings["weighting"]))
        kept["created"] = datetime.fromisoformat(kept["created"])
        return Card(**kept)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedModel(f"the manifest lacks or distorts {error}") from error


def _verify(folder: Path, manifest: Mapping[str, Any]) -> None:
    for name in (MODEL, CATALOG):
        expected = manifest.get("files", {}).get(name, {})
        try:
            whole = (folder / name).stat().st_size == expected.get("bytes") and _digest(folder / name) == expected[
                "sha256"
            ]
        except OSError as error:
            raise DamagedModel(f"{folder / name} cannot be read: {error}") from error
        if not whole:
            raise DamagedModel(f"{folder / name} is not the file that was published")


def _mapped(path: Path) -> dict[str, Floats]:
    """Views of a safetensors file (8 bytes of header length, a JSON header, the data), read page by page as needed.

    The library's own reader copies: 465 MB and 0.2 s at 10,781 games. https://github.com/huggingface/safetensors
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    kinds = {"F32": np.float32, "I32": np.int32}
    return {
        name: np.memmap(path, kinds[at["dtype"]], "r", 8 + length + at["data_offsets"][0], tuple(at["shape"]))
        for name, at in header.items()
    }


def _plain(game: Game) -> list[object]:
    values = [getattr(game, name) for name in GAME]
    return [value.isoformat() if isinstance(value, date) else value for value in values]


def _read_catalog(path: Path) -> list[Game]:
    """Rows in the order of `Game`'s fields, decoded one by one: whoever waits for the interpreter meanwhile gets it."""
    tags, genres, released = GAME.index("tags"), GAME.index("genres"), GAME.index("released")
    games = []
    for row in _rows(path):
        row[tags], row[genres] = tuple(row[tags]), tuple(row[genres])
        row[released] = date.fromisoformat(row[released]) if row[released] else None
        games.append(Game(*row))
    return games


def _rows(path: Path) -> Iterator[list[Any]]:
    # Read at once: a thread that lets the interpreter go for each block and takes it back keeps all others from it.
    first, *lines = path.read_bytes().split(b"\n")
    if first != b"[":  # as it was written when all rows stood in one line
        yield from json.loads(first)
    for line in lines:
        if line.startswith(b"["):
            yield json.loads(line.removesuffix(b","))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, "utf-8")
    sync(beside)
    beside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """To the disk itself, so that a crash after publishing leaves the version whole."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
