"""One published version on disk: written whole, checked byte by byte when opened, its matrix memory-mapped.

<version>/manifest.json         the card, and the size and SHA-256 of the others
<version>/model.safetensors     the matrix, the item ids, their players, and what was learned of content
<version>/catalog.safetensors   every game, in the columns of `Games`, the most played first
<version>/evidence.safetensors  what its evaluation found, player by player; only where it was measured
<version>/candidate             an empty file while nobody has decided yet whether it shall be in service

Before 25 November 2026 the catalogue was catalog.json, a row a game in the order of `Game`'s fields; it is still read.

A version whose catalogue alone is new shares the matrix and the evidence of the one it was made of: one file with two
names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.catalog import Catalog, Game
from recommender.confidence import Confidence
from recommender.content import Content
from recommender.errors import DamagedModel
from recommender.evidence import Evidence
from recommender.games import Games
from recommender.interactions import Floats, Ints, ItemIndex, Weighting
from recommender.linear import Linear, LinearSettings
from recommender.served import Served
from recommender.shelf import Shelf
from recommender.sparse_linear import SparseLinear
from recommender.tensors import Bytes, read_tensors, write_tensors

MODEL, CATALOG, MANIFEST = "model.safetensors", "catalog.safetensors", "manifest.json"
EVIDENCE, CANDIDATE = "evidence.safetensors", "candidate"
ROWS = "catalog.json"
GAME = [field.name for field in fields(Game)]

Fitted = Linear | SparseLinear


class Kind(StrEnum):
    """How the matrix is kept: `inverse` [n x n], or the rows `data`, `indices`, `indptr` of a sparse one."""

    DENSE = "dense"
    SPARSE = "sparse"

    @classmethod
    def of(cls, model: Fitted) -> Kind:
        return cls.DENSE if isinstance(model, Linear) else cls.SPARSE


@dataclass(frozen=True)
class Card:
    """What is known of one version: `metrics` is a `Report.as_dict()` or empty, `fingerprint` that of the data.

    `matrix_of` is the version that brought the matrix, where this one brought only a catalogue. `confidence` is None
    where the model was not measured. `fitted` is when the matrix was made, `rows` how many interactions it was made of,
    `recipe` stands for all settings that decide what comes of the same data; None where that was not written down yet.
    `lake` and `upto` say which lake the fit had heard up to which event; None where nobody told, and then nothing that
    happened since can be learned in place.
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
    kind: Kind = Kind.DENSE
    confidence: Confidence | None = None
    lake: str | None = None
    upto: int | None = None
    fitted: datetime | None = None
    rows: int | None = None
    recipe: str | None = None

    @property
    def base(self) -> str:
        """The version whose fit made the matrix."""
        return self.matrix_of or self.version


def write_version(
    folder: Path,
    card: Card,
    model: Fitted,
    catalog: Iterable[Game],
    content: Content | None = None,
    evidence: Evidence | None = None,
) -> None:
    tensors = {
        **(content.tensors() if content is not None else {}),
        **_matrix(model),
        "app_ids": model.items.app_ids,
        "players": model.items.players,
    }
    if model.items.played is not None:
        tensors["played"] = model.items.played
    with ThreadPoolExecutor(1) as beside:  # the disk is waited for while the catalogue is laid out
        written = beside.submit(write_tensors, folder / MODEL, tensors)
        games = _write_games(folder / CATALOG, catalog, model.items)
        files = {MODEL: written.result(), CATALOG: games}
    if evidence is not None:
        files[EVIDENCE] = write_tensors(folder / EVIDENCE, evidence.tensors())
    _seal(folder, card, model.items.stamp, files)


def _matrix(model: Fitted) -> dict[str, Floats | Ints]:
    if isinstance(model, Linear):
        factor = {} if model.factor is None else {"factor": model.factor}
        return {"inverse": np.ascontiguousarray(model.inverse), **factor}
    B = model.weights
    return {"data": B.data, "indices": B.indices.astype(np.int32), "indptr": B.indptr.astype(np.int32)}


def _scorer(card: Card, items: ItemIndex, tensors: Mapping[str, Floats]) -> Fitted:
    if card.kind is Kind.DENSE:
        return Linear(items, tensors["inverse"], card.settings, tensors.get("factor"))
    rows = tuple(tensors[name] for name in ("data", "indices", "indptr"))
    return SparseLinear(items, sparse.csr_matrix(rows, shape=(len(items), len(items)), copy=False), card.settings)


def write_catalog(folder: Path, card: Card, base: Path, catalog: Iterable[Game]) -> bool:
    """The version at `base`, every byte of it checked, with another catalogue; False if it has that very one.

    Raises:
        DamagedModel: a file of `base` is missing, changed or cut short.
    """
    manifest = _manifest(base)
    matrix, _ = (_checked(base, name, manifest) for name in (MODEL, _catalog_of(manifest)))
    facts = _write_games(folder / CATALOG, catalog, _items(read_tensors(matrix)))
    if facts == manifest["files"].get(CATALOG):
        return False
    shared = {name: found for name, found in manifest["files"].items() if name in {MODEL, EVIDENCE}}
    for name in shared:
        _share(base / name, folder / name)
    _seal(folder, card, manifest["stamp"], shared | {CATALOG: facts})
    return True


def _share(existing: Path, new: Path) -> None:
    """A second name for the same bytes, or a copy where the file system has no second names."""
    try:
        os.link(existing, new)
    except OSError:
        shutil.copyfile(existing, new)
        sync(new)


def _seal(folder: Path, card: Card, stamp: str, files: Mapping[str, object]) -> None:
    moments = {"created": card.created.isoformat(), "fitted": card.fitted.isoformat() if card.fitted else None}
    manifest = asdict(card) | moments | {"stamp": stamp, "files": files}
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2))


def _write_games(path: Path, catalog: Iterable[Game], items: ItemIndex) -> dict[str, object]:
    games = Shelf(Catalog(catalog, items.owners), items).with_series()
    return write_tensors(path, {name: np.ascontiguousarray(column) for name, column in games.tensors().items()})


def read_card(folder: Path) -> Card:
    """What a version says of itself, its files unchecked.

    Raises:
        DamagedModel: the manifest is missing or not as it was written.
    """
    return _card(_manifest(folder))


def read_evidence(folder: Path) -> Evidence | None:
    """None where the version was not measured, or was published before there was any.

    Raises:
        DamagedModel: the file is missing, changed or cut short.
    """
    manifest = _manifest(folder)
    if EVIDENCE not in manifest.get("files", {}):
        return None
    return Evidence.of_tensors(read_tensors(_checked(folder, EVIDENCE, manifest)))


def open_version(folder: Path) -> Served:
    """Checks every byte against the manifest, then maps the matrix into memory.

    Raises:
        DamagedModel: a file is missing, changed or cut short.
    """
    manifest = _manifest(folder)
    card = _card(manifest)
    matrix, catalog = (_checked(folder, name, manifest) for name in (MODEL, _catalog_of(manifest)))
    tensors = read_tensors(matrix)
    items = _items(tensors)
    if items.stamp != manifest["stamp"]:
        raise DamagedModel(f"{folder}: the item ids are not those of the manifest")
    games = _read_rows(catalog.tobytes()) if _catalog_of(manifest) == ROWS else _read_columns(folder, catalog)
    known, content = Catalog(games, items.owners), Content.of_tensors(tensors)
    scorer = _scorer(card, items, tensors)
    return Served(card.version, scorer, known, card.synthetic, card.confidence, content=content)


def _catalog_of(manifest: Mapping[str, Any]) -> str:
    return ROWS if ROWS in manifest.get("files", {}) else CATALOG


def _items(tensors: Mapping[str, NDArray[np.generic]]) -> ItemIndex:
    played = np.asarray(tensors["played"], np.int32) if "played" in tensors else None
    return ItemIndex(np.asarray(tensors["app_ids"], np.int32), np.asarray(tensors["players"], np.int32), played)


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
        kept |= {name: manifest.get(name) for name in ("lake", "upto")}  # likewise
        kept["kind"] = Kind(manifest.get("kind", Kind.DENSE))  # likewise
        measured = manifest.get("confidence")
        kept["confidence"] = Confidence.read(measured["curves"]) if measured is not None else None
        settings = kept["settings"]
        kept["settings"] = LinearSettings(**settings | {"weighting": Weighting(**settings["weighting"])})
        kept["created"] = datetime.fromisoformat(kept["created"])
        kept |= {name: manifest.get(name) for name in ("rows", "recipe")}
        fitted = manifest.get("fitted")
        kept["fitted"] = datetime.fromisoformat(fitted) if fitted else None
        return Card(**kept)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedModel(f"the manifest lacks or distorts {error}") from error


def _checked(folder: Path, name: str, manifest: Mapping[str, Any]) -> Bytes:
    """A file of the version, mapped into memory and found to be the one of the manifest."""
    expected = manifest.get("files", {}).get(name, {})
    try:
        if (folder / name).stat().st_size == expected.get("bytes"):
            content = np.memmap(folder / name, np.uint8, "r")
            if _digest(content) == expected["sha256"]:
                return content
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise DamagedModel(f"{folder / name} cannot be read: {error}") from error
    raise DamagedModel(f"{folder / name} is not the file that was published")


def _digest(content: Bytes) -> str:
    """In one go over the mapped file: no copy of it, and the interpreter's lock is free until it is through."""
    return hashlib.sha256(memoryview(content)).hexdigest()  # type: ignore[arg-type]  # numpy's arrays are buffers


def _read_columns(folder: Path, content: Bytes) -> Games:
    try:
        return Games.read(read_tensors(content))
    except KeyError as lacking:
        raise DamagedModel(
            f"{folder / CATALOG} is of another release, without {lacking}: run `indiean train`"
        ) from None


def _read_rows(content: bytes) -> list[Game]:
    """Rows in the order of `Game`'s fields, decoded one by one: whoever waits for the interpreter meanwhile gets it."""
    tags, genres, released = GAME.index("tags"), GAME.index("genres"), GAME.index("released")
    games = []
    for row in _rows(content):
        row[tags], row[genres] = tuple(row[tags]), tuple(row[genres])
        row[released] = date.fromisoformat(row[released]) if row[released] else None
        games.append(Game(*row))
    return games


def _rows(content: bytes) -> Iterator[list[Any]]:
    first, *lines = content.split(b"\n")
    if first != b"[":  # as it was written when all rows stood in one line
        yield from json.loads(first)
    for line in lines:
        if line.startswith(b"["):
            yield json.loads(line.removesuffix(b","))


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
