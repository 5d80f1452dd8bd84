"""The tests' own Postgres is one for all who ask, and is gone when they are, however they end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.databases import KEEPER, POSTGRES, postgres
from tests.postgres_server import Cluster, NoServer, keeper

ROOT = Path(__file__).parents[1]
CRASHES = """
import sys
from tests.postgres_server import ask, keeper
with keeper() as port:
    print(ask(port), flush=True)
    sys.stdin.read()
"""


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def wait_until(so_it_is: Callable[[], bool]) -> bool:
    for _ in range(1500):
        if so_it_is():
            return True
        await asyncio.sleep(0.02)
    return False


async def folder_of(url: str) -> Path:
    connection = await asyncpg.connect(url)
    try:
        return Path(await connection.fetchval("SHOW data_directory")).parent
    finally:
        await connection.close()


async def test_whoever_is_killed_leaves_no_server_and_no_folder_behind() -> None:
    postgres()  # skips where there can be none
    crashing = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CRASHES, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert crashing.stdout is not None
    url = (await crashing.stdout.readline()).decode().strip()
    folder = await folder_of(url)
    port = make_url(url).port or 0
    during = listens(port), folder.exists()
    crashing.kill()
    await crashing.wait()

    assert during == (True, True)
    assert await wait_until(lambda: not listens(port))
    assert await wait_until(lambda: not folder.exists())


def test_a_keeper_that_nobody_asks_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with keeper() as port:
        assert listens(port)
    assert list(tmp_path.iterdir()) == []


def test_where_the_package_is_not_installed_the_reason_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.postgres_server.PACKAGE", "no_such_package")
    with pytest.raises(NoServer, match="install no-such-package or set TEST_POSTGRES_URL"):
        Cluster(tmp_path)


def test_a_test_that_asks_where_there_is_no_server_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer() -> None:
        asking, _ = door.accept()
        with asking:
            asking.sendall(b"Postgres does not run here: so it is")

    monkeypatch.delenv(POSTGRES, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as door, ThreadPoolExecutor(1) as keeping:
        monkeypatch.setenv(KEEPER, str(door.getsockname()[1]))
        answering = keeping.submit(answer)
        with pytest.raises(pytest.skip.Exception, match="does not run here: so it is"):
            postgres.__wrapped__()
        answering.result()


def test_a_server_that_is_named_is_taken_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES, "postgresql+asyncpg://ada@127.0.0.1:1/test")

    assert postgres.__wrapped__() == "postgresql://ada@127.0.0.1:1/test"


async def test_a_wrong_password_is_refused_as_by_any_server() -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres(), password="wrong")  # noqa: S106 - it opens nothing
