"""The workflows: as GitHub reads them, safe as a linter sees it, pinned, with few rights, and never silent."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.loopback_slack import LoopbackSlack
from tests.posters import read
from tests.tools import ROOT, program, run

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.y*ml"))
MAY_WRITE = {("image", "image"): {"packages", "id-token", "attestations"}, ("deploy", "deploy"): {"id-token"}}
MAY_WRITE[("image", "deploy")] = {"id-token"}
"""What a job may change, by workflow and job; everything else may read."""

PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

Job = dict[str, Any]


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(path.read_text("utf-8"))
    return found


def jobs() -> list[tuple[str, str, Job]]:
    return [(path.stem, name, job) for path in WORKFLOWS for name, job in loaded(path)["jobs"].items()]


def steps() -> Iterator[dict[str, Any]]:
    for _, _, job in jobs():
        yield from job.get("steps", ())


def checked(schema: str, *files: Path) -> str:
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files)
    return "" if done.returncode == 0 else done.stdout or done.stderr


def test_there_are_workflows_for_tests_images_deployment_and_notices() -> None:
    assert {path.stem for path in WORKFLOWS} == {"tests", "image", "deploy", "notice"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_as_github_s_schema_wants_it(path: Path) -> None:
    assert checked("vendor.github-workflows", path) == ""


def test_what_keeps_the_pins_fresh_is_as_its_schema_wants_it() -> None:
    assert checked("vendor.dependabot", FOLDER / "dependabot.yaml") == ""


def test_the_linter_of_security_finds_nothing_even_where_it_is_pedantic() -> None:
    done = audited(ROOT)

    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout + done.stderr


def audited(place: Path) -> Any:
    return run(program("zizmor", "zizmor"), "--offline", "--persona", "pedantic", "--no-progress", place)


def test_the_linter_would_speak(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    done = audited(tmp_path / "bad.yaml")

    assert done.returncode != 0
    assert "template-injection" in done.stdout


def test_every_action_of_others_is_pinned_by_its_commit_with_its_version_beside_it() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    others = [line for line in lines if "uses: ./" not in line]

    assert others
    assert [line for line in others if not PINNED.search(line)] == []


def test_one_action_is_pinned_alike_wherever_it_is_used() -> None:
    used = {step["uses"] for step in steps() if "uses" in step}

    assert len({one.partition("@")[0] for one in used}) == len(used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_rights_but_those_that_a_job_names(path: Path) -> None:
    workflow = loaded(path)

    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


def test_no_job_may_write_what_it_does_not_have_to() -> None:
    writes = {
        (workflow, name): {right for right, level in job["permissions"].items() if level == "write"}
        for workflow, name, job in jobs()
    }

    assert {job: rights for job, rights in writes.items() if rights} == MAY_WRITE


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]

    assert checkouts
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


def test_every_job_ends_in_time_and_no_two_runs_of_a_workflow_are_in_each_other_s_way() -> None:
    """A job that calls a workflow is bounded there, and one that is only called has its caller's group."""
    assert [(w, n) for w, n, job in jobs() if "uses" not in job and "timeout-minutes" not in job] == []
    assert {path.stem for path in WORKFLOWS if "concurrency" not in loaded(path)} == {"notice"}
    groups = [loaded(path)["concurrency"]["group"] for path in WORKFLOWS if path.stem != "notice"]
    assert len(set(groups)) == len(groups)


def test_what_runs_in_a_shell_has_no_expression_in_it() -> None:
    """A title or a branch could be a command: values come by the environment."""
    assert [step["run"] for step in steps() if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("workflow", ["tests", "image", "deploy"])
def test_each_outcome_is_told(workflow: str) -> None:
    told = [job for name, _, job in jobs() if name == workflow and job.get("uses", "").endswith("/notice.yaml")]
    (notice,) = told
    others = {name for stem, name, job in jobs() if stem == workflow and job is not notice} - {"notice"}
    needed = notice["needs"] if isinstance(notice["needs"], list) else [notice["needs"]]

    assert "always()" in notice["if"]
    assert others - set(needed) <= {"deploy"}  # which tells by itself
    assert set(notice["with"]) >= {"result", "title"}


def test_a_called_workflow_is_given_what_it_declares() -> None:
    """Else GitHub refuses the whole workflow, when it runs and not before."""
    for _, _, job in jobs():
        if not job.get("uses", "").startswith("./"):
            continue
        called = loaded(ROOT / job["uses"])["on"]["workflow_call"] or {}
        declared = {kind: called.get(kind, {}) for kind in ("inputs", "secrets")}
        wanted = {name for name, said in declared["inputs"].items() if said.get("required")}

        assert set(job.get("with", {})) <= set(declared["inputs"])
        assert wanted <= set(job.get("with", {}))
        assert set(job.get("secrets", {})) <= set(declared["secrets"])


@pytest.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack() as slack:
        yield slack


@pytest.fixture
def indiean(tmp_path: Path) -> Path:
    """A folder with the command in it that the workflow installs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "indiean").write_text(f'#!/bin/sh\nexec {sys.executable} -m bot "$@"\n')
    (folder / "indiean").chmod(0o755)
    return folder


def said_by(name: str) -> str:
    (script,) = [step["run"] for step in steps() if step.get("name") == name]
    return str(script)


@pytest.mark.parametrize("result", ["success", "failure", "cancelled"])
async def test_the_notice_stands_in_the_channel_whatever_the_outcome(
    slack: LoopbackSlack, indiean: Path, tmp_path: Path, result: str
) -> None:
    """By the very step of the workflow, with a title as anybody may name a branch."""
    channel, title = slack.channel(name="status"), "Tests of $(id) `id` <!channel>"
    environment = {
        "PATH": f"{indiean}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "INDIEAN_SLACK_BOT_TOKEN": slack.bot_token,
        "INDIEAN_SLACK_STATUS_CHANNEL": channel.id,
        "INDIEAN_SLACK_API_URL": slack.url,
        "GITHUB_SHA": "0123456789abcdef",
        "GITHUB_ACTOR": "ann",
        "RESULT": result,
        "TITLE": title,
        "FACT": "",
        "RUN": "https://ci.example/runs/1",
    }
    done = await asyncio.to_thread(
        run, "bash", "-eo", "pipefail", "-c", said_by("Tell"), folder=tmp_path, **environment
    )
    (message,) = slack.posted(channel)

    assert done.returncode == 0, done.stderr
    assert f"{title}: {result}" in read(message.body)
    assert "0123456789ab" in read(message.body)
    assert "https://ci.example/runs/1" in read(message.body)
    assert message.body.rings == []


@pytest.mark.parametrize(
    ("token", "channel", "there"), [("xoxb-1", "C1", True), ("", "C1", False), ("xoxb-1", "", False)]
)
def test_where_no_channel_is_set_up_nobody_is_told_and_nothing_fails(
    tmp_path: Path, token: str, channel: str, *, there: bool
) -> None:
    outputs = tmp_path / "outputs"
    outputs.touch()
    settings = {"INDIEAN_SLACK_BOT_TOKEN": token, "INDIEAN_SLACK_STATUS_CHANNEL": channel}
    environment = settings | {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(outputs)}
    done = run("bash", "-eo", "pipefail", "-c", said_by("Is there a channel to tell?"), folder=tmp_path, **environment)

    assert done.returncode == 0
    assert outputs.read_text() == ("there=true\n" if there else "")
    assert ("::notice::" in done.stdout) is not there
