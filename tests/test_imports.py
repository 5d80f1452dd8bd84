"""Imports run one way, the domain touches nothing outside itself, and importing does nothing."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINE = ("bot", "jobs", "storage", "recommender")
"""Each may import itself and those to its right."""

DOMAIN_NEEDS = {"ctypes", "numpy", "rapidfuzz", "safetensors", "scipy", "torch"}
"""What the domain imports beside the standard library."""
OUTSIDE = {"ftplib", "getpass", "http", "imaplib", "multiprocessing", "poplib", "select", "signal", "smtplib", "socket"}
OUTSIDE |= {"socketserver", "sqlite3", "ssl", "subprocess", "urllib", "webbrowser", "xmlrpc", "zoneinfo"}
"""Network, databases, other processes and time zones of the standard library."""
DISK = {"fileinput", "glob", "io", "mmap", "os", "pathlib", "shutil", "tempfile"}
DISK_ROOMS = {f"recommender/{name}.py" for name in ("experiments", "registry", "tensors", "version")}
MEMORY_ROOMS = {"recommender/gram.py": {"mmap"}}
"""Who maps memory that belongs to no file."""

CLOCK_AND_ENVIRONMENT = {
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "monotonic", "sleep")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"os.{name}" for name in ("environ", "environb", "getenv", "putenv", "getenvb")),
}
"""`time.perf_counter` is allowed: it times a phase and tells nobody what day it is."""


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """Every module named in an import, wherever it stands, also inside functions and for annotations only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def names_used(source: str) -> Iterator[str]:
    """Dotted names as used, with what they were imported as undone: `dt.now` is `datetime.datetime.now`."""
    tree = ast.parse(source)
    meaning: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            meaning |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            meaning |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            yield ".".join([meaning.get(first, first), *rest])


def outward(package: str, source: str) -> set[str]:
    """Imports of packages to the left."""
    left = LINE[: LINE.index(package)]
    return {module for module in imported(source) if module.split(".")[0] in left}


def strangers(path: str, source: str) -> set[str]:
    """What a file of the domain imports that the domain does not need."""
    used = {module.split(".")[0] for module in imported(source)}
    allowed = (set(sys.stdlib_module_names) - OUTSIDE - DISK) | DOMAIN_NEEDS | {"recommender"}
    allowed |= MEMORY_ROOMS.get(path, set())
    return used - (allowed | DISK if path in DISK_ROOMS else allowed)


@pytest.mark.parametrize("package", LINE)
def test_imports_run_one_way(package: str) -> None:
    found = {str(path.relative_to(ROOT)): outward(package, path.read_text("utf-8")) for path in sources(package)}

    assert found
    assert {path: modules for path, modules in found.items() if modules} == {}


@pytest.mark.parametrize("path", sources("recommender"), ids=lambda path: path.name)
def test_the_domain_imports_no_network_no_database_and_no_chat(path: Path) -> None:
    assert strangers(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) == set()


@pytest.mark.parametrize("path", sources("recommender"), ids=lambda path: path.name)
def test_the_domain_reads_no_clock_and_no_environment(path: Path) -> None:
    assert CLOCK_AND_ENVIRONMENT & set(names_used(path.read_text("utf-8"))) == set()


@pytest.mark.parametrize(
    ("package", "source", "found"),
    [
        ("jobs", "def work():\n    from bot.cli import data", {"bot.cli"}),
        ("recommender", "import storage.steam.web_api as s, bot", {"storage.steam.web_api", "bot"}),
        ("storage", "if TYPE_CHECKING:\n    import jobs", {"jobs"}),
        ("jobs", "import storage, recommender.linear\nfrom jobs import x\nfrom . import y", set()),
    ],
)
def test_an_import_to_the_left_is_seen_wherever_it_hides(package: str, source: str, found: set[str]) -> None:
    assert outward(package, source) == found


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("recommender/new.py", "import httpx, numpy", {"httpx"}),
        ("recommender/new.py", "def f():\n    from sqlalchemy.orm import Session", {"sqlalchemy"}),
        ("recommender/new.py", "import urllib.request", {"urllib"}),
        ("recommender/new.py", "from pathlib import Path", {"pathlib"}),
        ("recommender/registry.py", "import os, tempfile\nfrom pathlib import Path", set()),
    ],
)
def test_a_stranger_in_the_domain_is_seen(path: str, source: str, found: set[str]) -> None:
    assert strangers(path, source) == found


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as clock\nclock.time()",
        "from time import time\ntime()",
        "from datetime import datetime\ndatetime.now(UTC)",
        "import datetime as dt\ndt.datetime.now()",
        "from datetime import date\ndate.today()",
        "import os\nos.environ['A']",
        "from os import getenv as env\nenv('A')",
    ],
)
def test_a_clock_or_the_environment_is_seen_under_any_name(source: str) -> None:
    assert CLOCK_AND_ENVIRONMENT & set(names_used(source))


def test_timing_a_phase_is_allowed() -> None:
    assert not CLOCK_AND_ENVIRONMENT & set(names_used("import time\ntime.perf_counter()"))


PROBE = """
import importlib, json, logging, pathlib, sys, threading

written, connected = [], []

def watch(event, args):
    if event == "open" and isinstance(args[0], str) and (args[2] or 0) & 0o103 and args[0] != "/dev/null":
        written.append(args[0])
    if event in ("os.mkdir", "os.rename", "tempfile.mkstemp", "tempfile.mkdtemp"):
        written.append(str(args[0]))
    if event == "socket.bind" and args[1] == ("::1", 0):
        return  # urllib3 looks whether this machine has IPv6, and lets go again
    if event in ("socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen"):
        connected.append(event)

sys.addaudithook(watch)
for module in sys.argv[1:]:
    importlib.import_module(module)
loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
print(json.dumps({
    "written": written,
    "connected": connected,
    "handlers": [repr(h) for one in (logging.root, *loggers) for h in one.handlers if "NullHandler" not in repr(h)],
    "threads": [one.name for one in threading.enumerate() if one is not threading.main_thread()],
    "torch": "torch" in sys.modules,
}))
"""
"""0o103 is what the flags of a file opened for writing have on Linux: write-only, read and write, or create."""

RUN_BY_ALEMBIC = "storage/migrations/env.py"
"""The one file that others run and nobody imports: Alembic executes it inside a migration."""


def modules(package: str) -> list[str]:
    files = [path.relative_to(ROOT) for path in sources(package)]
    parts = [file.with_suffix("").parts for file in files if file.as_posix() != RUN_BY_ALEMBIC]
    dotted = (".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts)
    return [module for module in dotted if all(part.isidentifier() for part in module.split("."))]


@pytest.fixture(scope="module")
def imported_afresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, object]]:
    """What importing all of a package did in a fresh process with an empty home; each is imported once."""
    return functools.cache(lambda package: _probe(package, tmp_path_factory.mktemp(package)))


def _probe(package: str, home: Path) -> dict[str, object]:
    homes = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    environment = {**homes, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-B", "-c", PROBE, *modules(package)]
    ran = subprocess.run(  # noqa: S603 - our own interpreter, and nothing that anybody typed
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return {**found, "left": [path.name for path in home.iterdir()]}


@pytest.mark.parametrize("package", LINE)
def test_importing_starts_no_thread_sets_up_no_logging_and_leaves_torch_alone(
    package: str, imported_afresh: Callable[[str], dict[str, object]]
) -> None:
    found = imported_afresh(package)

    assert (found["handlers"], found["threads"], found["torch"]) == ([], [], False)


@pytest.mark.parametrize("package", LINE)
def test_importing_writes_no_file_and_calls_nobody(
    package: str, imported_afresh: Callable[[str], dict[str, object]]
) -> None:
    found = imported_afresh(package)

    assert (found["written"], found["connected"], found["left"]) == ([], [], [])
