"""A BigQuery on 127.0.0.1: HTTP in threads, the routes of its REST API, and the faults it is told to have."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.loopback_bigquery.access import Access
from tests.loopback_bigquery.jobs import Jobs, Json
from tests.loopback_bigquery.refusals import Refused
from tests.loopback_bigquery.tables import Shelf

PROJECT = "a-project"
API = "/bigquery/v2"
DATASET = rf"{API}/projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)"
TABLE = rf"{DATASET}/tables/(?P<table>[^/]+)"
ROUTES = {
    "datasets.insert": ("POST", rf"{API}/projects/(?P<project>[^/]+)/datasets"),
    "datasets.get": ("GET", DATASET),
    "datasets.delete": ("DELETE", DATASET),
    "tables.insert": ("POST", rf"{DATASET}/tables"),
    "tables.list": ("GET", rf"{DATASET}/tables"),
    "tables.get": ("GET", TABLE),
    "tables.patch": ("PATCH", TABLE),
    "tables.delete": ("DELETE", TABLE),
    "tabledata.list": ("GET", rf"{TABLE}/data"),
    "jobs.insert": ("POST", rf"{API}/projects/(?P<project>[^/]+)/jobs"),
    "jobs.get": ("GET", rf"{API}/projects/(?P<project>[^/]+)/jobs/(?P<job>[^/]+)"),
    "jobs.query": ("POST", rf"{API}/projects/(?P<project>[^/]+)/queries"),
    "jobs.getQueryResults": ("GET", rf"{API}/projects/(?P<project>[^/]+)/queries/(?P<job>[^/]+)"),
    "uploads.begin": ("POST", rf"/upload{API}/projects/(?P<project>[^/]+)/jobs"),
    "uploads.continue": ("PUT", r"/upload/(?P<upload>[^/]+)"),
    "token": ("POST", "/token"),
}
NOT_CONTINUED = 308


@dataclass
class Asked:
    """One request as it arrived: the API's method, what its path and query name, and its body."""

    method: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        found: Json = json.loads(gzip.decompress(self.body) if self.headers.get("content-encoding") else self.body)
        return found


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Fault:
    """A refusal in place of the answer, or the answer lost once all is done."""

    method: str
    refusal: Refused | None


class LoopbackBigQuery:
    """`with LoopbackBigQuery() as bigquery`; `url` is what to configure as the API's address.

    `asked` lists the API's methods in the order in which they were called. `denied` are methods that the account has
    no right to. Rows live in a DuckDB in memory, behind SQL that has to pass for BigQuery's own.
    """

    project = PROJECT

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.shelf = Shelf(PROJECT, now)
        self.jobs = Jobs(self.shelf)
        self.access = Access()
        self.asked: list[str] = []
        self.denied: set[str] = set()
        self._uploads: dict[str, tuple[Json, bytearray]] = {}
        self._faults: deque[_Fault] = deque()
        self._bugs: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def write_account(self, path: Path) -> Path:
        """A service-account file that opens this server, and only this."""
        return self.access.write_account(path, f"{self.url}/token", PROJECT)

    def fail_next(self, reason: str, message: str = "as told", *, method: str = "", times: int = 1) -> None:
        """The next calls (of `method`) are refused for a reason of BigQuery's."""
        self._faults.extend([_Fault(method, Refused(reason, message))] * times)

    def lose_next(self, method: str) -> None:
        """The next call of `method` is carried out, and its answer never arrives."""
        self._faults.append(_Fault(method, None))

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        self.shelf.database.close()
        assert not self._bugs, "\n".join(self._bugs)

    def answer(self, verb: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """None where the answer is to get lost."""
        split = urlsplit(target)
        for method, (wanted, pattern) in ROUTES.items():
            if verb == wanted and (found := re.fullmatch(pattern, split.path)) is not None:
                asked = Asked(method, found.groupdict(), dict(parse_qsl(split.query)), headers, body)
                return self._answer(asked)
        return Answer(404, Refused("notFound", f"no such method: {verb} {split.path}").body())

    def _answer(self, asked: Asked) -> Answer | None:
        self.asked.append(asked.method)
        fault = self._fault(asked.method)
        try:
            self._admit(asked, fault)
            done = self._done(asked)
        except Refused as refusal:
            done = Answer(int(refusal.status), refusal.body())
        except Exception:  # noqa: BLE001 - a bug of this server, which its end raises again
            self._bugs.append(traceback.format_exc())
            done = Answer(501, Refused("notImplemented", self._bugs[-1]).body())
        return None if fault is not None and fault.refusal is None else done

    def _fault(self, method: str) -> _Fault | None:
        if self._faults and self._faults[0].method in {"", method}:
            return self._faults.popleft()
        return None

    def _admit(self, asked: Asked, fault: _Fault | None) -> None:
        if fault is not None and fault.refusal is not None:
            raise fault.refusal
        if asked.method in {"token", "uploads.continue"}:
            return
        if not self.access.admits(asked.headers.get("authorization", "")):
            raise Refused("authError", "Request had invalid authentication credentials.")
        right = {"uploads.begin": "jobs.insert"}.get(asked.method, asked.method)
        if asked.names["project"] != PROJECT or right in self.denied:
            place = ":".join(asked.names.values())
            raise Refused("accessDenied", f"Access Denied: {place}: Permission bigquery.{right} denied on {place}")

    def _done(self, asked: Asked) -> Answer:  # noqa: C901, PLR0911, PLR0912 - one line a method of the API
        names, shelf = asked.names, self.shelf
        match asked.method:
            case "datasets.insert":
                return Answer(200, shelf.add_dataset(asked.json()))
            case "datasets.get":
                return Answer(200, shelf.dataset(names["dataset"]))
            case "datasets.delete":
                shelf.remove_dataset(names["dataset"], contents=asked.query.get("deleteContents") == "true")
                return Answer(204)
            case "tables.insert":
                return Answer(200, shelf.describe(shelf.add_table(names["dataset"], asked.json())))
            case "tables.list":
                return Answer(200, self._listed(names["dataset"], asked.query))
            case "tables.get":
                return Answer(200, shelf.describe(shelf.table(names["dataset"], names["table"])))
            case "tables.patch":
                changed = shelf.change_table(names["dataset"], names["table"], asked.json())
                return Answer(200, shelf.describe(changed))
            case "tables.delete":
                shelf.remove_table(names["dataset"], names["table"])
                return Answer(204)
            case "tabledata.list":
                return Answer(200, self.jobs.table_rows(names["dataset"], names["table"], asked.query))
            case "jobs.insert":
                return Answer(200, self.jobs.insert(asked.json()))
            case "jobs.get":
                return Answer(200, self.jobs.describe(names["job"]))
            case "jobs.query":
                return Answer(200, self.jobs.query(asked.json()))
            case "jobs.getQueryResults":
                return Answer(200, self.jobs.results(names["job"], asked.query))
            case "uploads.begin":
                return self._begin_upload(asked)
            case "uploads.continue":
                return self._continue_upload(asked)
            case _:
                return Answer(*self.access.token(asked.body))

    def _listed(self, dataset: str, query: Mapping[str, str]) -> Json:
        tables = self.shelf.tables(dataset)
        begin, most = int(query.get("pageToken", 0)), int(query.get("maxResults", 50))
        page = [{"tableReference": one.described["tableReference"]} for one in tables[begin : begin + most]]
        answer: Json = {"kind": "bigquery#tableList", "tables": page, "totalItems": len(tables)}
        return answer | ({"nextPageToken": str(begin + most)} if begin + most < len(tables) else {})

    def _begin_upload(self, asked: Asked) -> Answer:
        if asked.query["uploadType"] == "multipart":
            job, body = _parts(asked)
            return Answer(200, self.jobs.insert(job, body))
        name = uuid.uuid4().hex
        self._uploads[name] = (asked.json(), bytearray())
        return Answer(200, {}, (("Location", f"{self.url}/upload/{name}"),))

    def _continue_upload(self, asked: Asked) -> Answer:
        """A chunk at a time: `bytes 0-99/*` until the total stands in place of the star."""
        job, held = self._uploads[asked.names["upload"]]
        begin, total = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", asked.headers["content-range"]).groups()  # type: ignore[union-attr]
        if begin is not None:
            del held[int(begin) :]
            held += asked.body
        if total == "*" or len(held) < int(total):
            return Answer(NOT_CONTINUED, None, (("Range", f"bytes=0-{len(held) - 1}"),) if held else ())
        return Answer(200, self.jobs.insert(job, bytes(held)))


def _parts(asked: Asked) -> tuple[Json, bytes]:
    """The job and the file of a multipart/related body."""
    boundary = asked.headers["content-type"].split("boundary=")[1].strip("\"'").encode()
    _, described, file, _ = asked.body.split(b"--" + boundary)
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in (described, file)]
    job: Json = json.loads(bodies[0])
    return job, bodies[1]


def _handler(server: LoopbackBigQuery) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answer(self.command, self.path, headers, body)
            if answer is None:
                self.close_connection = True
                return
            sent = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet: pytest shows what fails."""

    return Handler
