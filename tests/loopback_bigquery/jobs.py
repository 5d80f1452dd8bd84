"""Jobs: queries and loads under an id that counts once, what became of them, and their rows a page at a time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.loopback_bigquery.columns import rows_as_json
from tests.loopback_bigquery.loading import load
from tests.loopback_bigquery.refusals import Refused
from tests.loopback_bigquery.running import Outcome, Script
from tests.loopback_bigquery.tables import RESULTS, Shelf

Json = dict[str, object]


@dataclass
class Job:
    """`waits` is how often somebody is still told that it runs."""

    id: str
    location: str
    configuration: Json
    outcome: Outcome = field(default_factory=lambda: Outcome("LOAD"))
    loaded: int | None = None
    error: Refused | None = None
    waits: int = 0


class Jobs:
    """`page_bytes` is how much a page of rows may hold; `waits` is how often a new job is said to run still."""

    def __init__(self, shelf: Shelf) -> None:
        self.page_bytes = 10_000_000
        self.waits = 0
        self._shelf = shelf
        self._jobs: dict[str, Job] = {}
        self._requests: dict[str, str] = {}

    @property
    def ids(self) -> list[str]:
        """Of all jobs, the first first."""
        return list(self._jobs)

    def insert(self, sent: Json, body: bytes | None = None) -> Json:
        """A job whose statement is wrong is a job that failed; a dry run leaves none."""
        configuration, reference = sent["configuration"], sent.get("jobReference") or {}
        assert isinstance(configuration, dict)
        assert isinstance(reference, dict)
        location = str(reference.get("location") or "US")
        if configuration.get("dryRun"):
            outcome = Script(self._shelf, configuration["query"]).estimate()
            return self._resource(Job("", location, configuration, outcome))
        job = self._reserved(str(reference.get("jobId") or uuid.uuid4().hex), location, configuration)
        try:
            self._refuse_place(configuration, location)
            if "load" in configuration:
                assert body is not None
                job.loaded = load(self._shelf, configuration["load"], body)
            else:
                job.outcome = Script(self._shelf, configuration["query"]).run()
        except Refused as error:
            job.error = error
        return self._resource(job)

    def query(self, sent: Json) -> Json:
        """`jobs.query`: the job and its first page in one; the same requestId is the same job."""
        request = str(sent.get("requestId") or uuid.uuid4())
        if sent.get("dryRun"):
            outcome = Script(self._shelf, sent).estimate()
            return {"jobComplete": True, "totalBytesProcessed": str(outcome.bytes), "jobReference": {}, "schema": {}}
        if request not in self._requests:
            self._requests[request] = uuid.uuid4().hex
            reference = {"jobId": self._requests[request], "location": sent.get("location")}
            self.insert({"configuration": {"query": sent}, "jobReference": reference})
        return self.results(self._requests[request], {"maxResults": sent.get("maxResults")})

    def get(self, job_id: str) -> Job:
        with self._shelf.lock:
            if job_id not in self._jobs:
                raise Refused("notFound", f"Not found: Job {self._shelf.project}:US.{job_id}")
            return self._jobs[job_id]

    def describe(self, job_id: str) -> Json:
        job = self.get(job_id)
        described = self._resource(job)
        job.waits = max(0, job.waits - 1)
        return described

    def results(self, job_id: str, asked: Mapping[str, object]) -> Json:
        """Of a query that failed, its error, as an error."""
        job = self.get(job_id)
        base: Json = {"kind": "bigquery#getQueryResultsResponse", "jobReference": self._reference(job)}
        if job.waits > 0:
            job.waits -= 1
            return base | {"jobComplete": False}
        if job.error is not None:
            raise job.error
        outcome = job.outcome
        answer = base | {"jobComplete": True, "cacheHit": False, "totalBytesProcessed": str(outcome.bytes)}
        if outcome.changed is not None:
            answer["numDmlAffectedRows"] = str(outcome.changed)
        if not outcome.columns:
            return answer
        answer["schema"] = {"fields": [column.resource() for column in outcome.columns]}
        return answer | self._page(outcome, asked)

    def table_rows(self, dataset: str, name: str, asked: Mapping[str, object]) -> Json:
        """`tabledata.list`, of a table or of the hidden one that holds what a query found."""
        if dataset == RESULTS:
            outcome = self.get(name).outcome
        else:
            table = self._shelf.table(dataset, name)
            with self._shelf.database.cursor() as db:
                found = db.sql(f"SELECT * FROM {table.quoted}").to_arrow_table()  # noqa: S608
            rows = list(zip(*(column.to_pylist() for column in found.columns), strict=True))
            outcome = Outcome("SELECT", table.columns, rows)
        wanted = str(asked.get("selectedFields") or "").split(",")
        if wanted != [""]:
            kept = [index for index, column in enumerate(outcome.columns) if column.name in wanted]
            columns = [outcome.columns[index] for index in kept]
            outcome = Outcome("SELECT", columns, [tuple(row[index] for index in kept) for row in outcome.rows])
        return {"kind": "bigquery#tableDataList", **self._page(outcome, asked)}

    def _page(self, outcome: Outcome, asked: Mapping[str, object]) -> Json:
        begin = int(str(asked.get("pageToken") or asked.get("startIndex") or 0))
        most = asked.get("maxResults")
        end = len(outcome.rows) if most is None else min(len(outcome.rows), begin + int(str(most)))
        page: list[dict[str, object]] = []
        size = 0
        while begin + len(page) < end:
            [row] = rows_as_json(outcome.columns, outcome.rows[begin + len(page) : begin + len(page) + 1])
            size += len(json.dumps(row))
            if page and size > self.page_bytes:
                break
            page.append(row)
        answer: Json = {"totalRows": str(len(outcome.rows))}
        if page:
            answer["rows"] = page
        if page and begin + len(page) < len(outcome.rows):
            answer["pageToken"] = str(begin + len(page))
        return answer

    def _reserved(self, job_id: str, location: str, configuration: Json) -> Job:
        with self._shelf.lock:
            if job_id in self._jobs:
                raise Refused("duplicate", f"Already Exists: Job {self._shelf.project}:{location}.{job_id}")
            self._jobs[job_id] = Job(job_id, location, configuration, waits=self.waits)
            return self._jobs[job_id]

    def _refuse_place(self, configuration: Json, location: str) -> None:
        """A job runs where its data is."""
        part = configuration.get("load") or configuration.get("query")
        assert isinstance(part, dict)
        home = part.get("destinationTable") or part.get("defaultDataset")
        if isinstance(home, dict) and self._shelf.dataset(str(home["datasetId"])).get("location", "US") != location:
            name = f"{self._shelf.project}:{home['datasetId']}"
            raise Refused("notFound", f"Not found: Dataset {name} was not found in location {location}")

    def _reference(self, job: Job) -> Json:
        return {"projectId": self._shelf.project, "jobId": job.id, "location": job.location}

    def _resource(self, job: Job) -> Json:
        outcome, millis = job.outcome, str(int(self._shelf.now() * 1000))
        configuration = dict(job.configuration)
        query: Json = {
            "totalBytesProcessed": str(outcome.bytes),
            "totalBytesBilled": str(outcome.billed),
            "statementType": outcome.kind,
        }
        if "query" in configuration:
            destination = {"projectId": self._shelf.project, "datasetId": RESULTS, "tableId": job.id}
            given = configuration["query"]
            assert isinstance(given, dict)
            configuration["query"] = {"destinationTable": destination} | given
        statistics: Json = {"creationTime": millis, "startTime": millis, "totalBytesProcessed": str(outcome.bytes)}
        statistics |= {"load": {"outputRows": str(job.loaded)}} if job.loaded is not None else {"query": query}
        status: Json = {"state": "RUNNING" if job.waits > 0 else "DONE"}
        if status["state"] == "DONE":
            statistics["endTime"] = millis
            if job.error is not None:
                status |= {"errorResult": job.error.proto(), "errors": [job.error.proto()]}
        reference = self._reference(job)
        return {
            "kind": "bigquery#job",
            "id": f"{self._shelf.project}:{job.location}.{job.id}",
            "jobReference": reference,
            "configuration": configuration,
            "statistics": statistics,
            "status": status,
        }
