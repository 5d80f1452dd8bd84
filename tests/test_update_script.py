"""deploy/update.sh on a machine whose Docker only tells what it was asked and answers as it is told to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tools import ROOT, run

NEW, OLD = "ghcr.io/us/indiean@sha256:new", "ghcr.io/us/indiean@sha256:old"

DOCKER = """#!/usr/bin/env bash
# Images whose name stands in the file `broken` start and are never ready; those in `dead` do not even start.
echo "$*" >> "{folder}/asked"
image=$(sed -n 's/^BOT_IMAGE=//p' "{folder}/vm/image.env")
case "$*" in
  pull*) grep -qxF "${{@: -1}}" "{folder}/nowhere" && exit 1 ;;
  *"up --detach"*) grep -qxF "$image" "{folder}/dead" && exit 1 ;;
  *"exec -T bot"*) grep -qxF "$image" "{folder}/broken" && exit 1 ;;
  *"ps --quiet db"*) cat "{folder}/db" ;;
  *pg_dump*) cat; echo "a dump" ;;
  *logs*) echo "what the bot said last" ;;
esac
exit 0
"""


@dataclass
class Machine:
    folder: Path
    steps: list[str] = field(default_factory=list)

    def says(self, name: str, *lines: str) -> None:
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def update(self, image: str) -> tuple[int, str]:
        """As the workflow does it: the script comes over standard input."""
        script = (ROOT / "deploy" / "update.sh").read_text("utf-8")
        quoted = f"bash -s -- {image} {self.folder / 'vm'} <<'THE_SCRIPT'\n{script}\nTHE_SCRIPT"
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = run("bash", "-c", quoted, folder=self.folder, PATH=path, TRIES="2", PAUSE="0")
        self.steps = (self.folder / "asked").read_text().splitlines()
        return done.returncode, done.stdout + done.stderr

    @property
    def in_service(self) -> str:
        return (self.folder / "vm" / "image.env").read_text()

    @property
    def backups(self) -> list[str]:
        return [file.read_text() for file in sorted((self.folder / "vm").glob("backups/*.dump"))]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With the old image in service and a database beside it."""
    for folder in ("bin", "vm"):
        (tmp_path / folder).mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER.format(folder=tmp_path))
    docker.chmod(0o755)
    machine = Machine(tmp_path)
    for name in ("broken", "dead", "nowhere"):
        machine.says(name)
    machine.says("db", "0123456789ab")
    machine.says("vm/image.env", f"BOT_IMAGE={OLD}")
    return machine


def test_a_new_image_that_becomes_ready_is_in_service_with_a_backup_from_before(machine: Machine) -> None:
    status, said = machine.update(NEW)

    assert status == 0, said
    assert machine.in_service == f"BOT_IMAGE={NEW}\n"
    assert machine.backups == ["a dump\n"]
    order = [next(at for at, step in enumerate(machine.steps) if word in step) for word in ("pull", "pg_dump", "up --")]
    assert order == sorted(order)
    assert f"{NEW} is in service" in said


@pytest.mark.parametrize("how", ["broken", "dead"])
def test_where_the_new_one_is_not_ready_the_one_before_is_back(machine: Machine, how: str) -> None:
    machine.says(how, NEW)
    status, said = machine.update(NEW)

    assert status == 1
    assert machine.in_service == f"BOT_IMAGE={OLD}\n"
    assert "what the bot said last" in said
    assert f"{OLD} is in service again" in said


def test_where_neither_is_ready_the_backup_is_named(machine: Machine) -> None:
    machine.says("broken", NEW, OLD)
    status, said = machine.update(NEW)

    assert status == 2
    assert "nothing is in service" in said
    assert "backups/20" in said


def test_an_image_that_is_nowhere_changes_nothing(machine: Machine) -> None:
    machine.says("nowhere", NEW)
    status, _ = machine.update(NEW)

    assert status != 0
    assert machine.in_service == f"BOT_IMAGE={OLD}\n"
    assert not any("up --detach" in step for step in machine.steps)


def test_the_first_image_of_a_machine_has_none_to_go_back_to(machine: Machine) -> None:
    (machine.folder / "vm" / "image.env").unlink()
    machine.says("db")
    first = machine.update(NEW)
    machine.says("broken", OLD)
    (machine.folder / "vm" / "image.env").unlink()
    broken = machine.update(OLD)

    assert first[0] == 0, first[1]
    assert broken[0] == 2
    assert machine.backups == []


def test_two_weeks_of_backups_are_kept(machine: Machine) -> None:
    (machine.folder / "vm" / "backups").mkdir()
    for day in range(1, 21):
        machine.says(f"vm/backups/202601{day:02}T000000Z.dump", str(day))
    machine.update(NEW)

    assert len(machine.backups) == 14
    assert machine.backups[0] == "8\n"
    assert machine.backups[-1] == "a dump\n"
