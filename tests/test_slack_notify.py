"""`indiean slack notify` as CI runs it: a process of its own, one sentence where it fails, and an exit status."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.__main__ import run
from bot.settings import PREFIX
from tests.loopback_slack import Channel, LoopbackSlack
from tests.loopback_slack.world import SCOPES
from tests.posters import PNG, files, read

ROOT = Path(__file__).resolve().parents[1]
URL = "https://ci.example/runs/7?a=1&b=2"
SECRET = "xoxb-of-nobody-and-never-to-be-seen"  # noqa: S105 - opens nothing
WITHIN = 60.0


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Ci:
    """A machine that has nothing of the bot's but its code and three settings."""

    folder: Path
    settings: Mapping[str, str]

    async def notify(self, *arguments: str, **settings: str) -> Done:
        """With the settings changed that are given; an empty one counts as none."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        ours = {**self.settings, **{f"{PREFIX}{name.upper()}": value for name, value in settings.items()}}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "slack", "notify", *arguments),
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "300", **ours},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), WITHIN)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Done(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack() as slack:
        yield slack


@pytest.fixture
def channel(slack: LoopbackSlack) -> Channel:
    return slack.channel(name="status")


@pytest.fixture
def ci(slack: LoopbackSlack, channel: Channel, tmp_path: Path) -> Ci:
    folder = tmp_path / "ci"
    folder.mkdir()
    settings = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_STATUS_CHANNEL": channel.id, "SLACK_API_URL": slack.url}
    settings |= {"HOME": str(tmp_path / "home")}
    return Ci(folder, {f"{PREFIX}{name}": value for name, value in settings.items()})


def said(title: str = "The tests passed", *more: str) -> list[str]:
    return ["--status", "success", "--title", title, "--url", URL, *more]


async def test_the_channel_hears_how_it_went(slack: LoopbackSlack, channel: Channel, ci: Ci) -> None:
    chart = ci.folder / "chart.png"
    chart.write_bytes(PNG + bytes(range(256)) * 300)
    facts = [word for at in range(100) for word in ("--fact", f"fact {at}=value {at}")]
    title = "야간 학습이 끝났어요 <!channel> @here & *bold*"
    done = await ci.notify(*said(title, "--text", "2,345 passed", "--chart", str(chart), *facts))
    message, below = slack.posted(channel)
    seen = read(message.body)

    assert done == Done(0, "", "")
    assert f"✅ {title}\n2,345 passed\n" in seen
    assert [at for at in range(100) if f"fact {at}\nvalue {at}" not in seen] == []
    assert seen.endswith(f"Details\n{URL}")
    assert files([below]) == [chart.read_bytes()]
    assert (message.body.rings, below.body.rings) == ([], [])
    assert (slack.refused, slack.warnings, slack.api.limited) == ([], [], [])
    assert sorted(path.name for path in ci.folder.parent.rglob("*")) == ["chart.png", "ci"]


async def test_a_failure_looks_like_one_and_no_title_is_too_long(
    slack: LoopbackSlack, channel: Channel, ci: Ci
) -> None:
    done = await ci.notify("--status", "failure", "--title", "끝없이 " * 2_500, "--url", URL, language="ko")
    (message,) = slack.posted(channel)

    assert done == Done(0, "", "")
    assert read(message.body).startswith("❌ 끝없이 끝없이")
    assert read(message.body).endswith(f"…\n자세히 보기\n{URL}")
    assert slack.refused == []


async def test_what_is_not_set_up_is_named_at_once(ci: Ci) -> None:
    done = await ci.notify(*said(), slack_bot_token="", slack_status_channel="")

    assert (done.status, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "INDIEAN_SLACK_BOT_TOKEN" in done.err
    assert "INDIEAN_SLACK_STATUS_CHANNEL" in done.err


async def test_a_token_that_slack_refuses_is_not_printed(slack: LoopbackSlack, channel: Channel, ci: Ci) -> None:
    done = await ci.notify(*said(), slack_bot_token=SECRET)

    assert (done.status, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "INDIEAN_SLACK_BOT_TOKEN" in done.err
    assert SECRET not in done.err
    assert slack.posted(channel) == []


async def test_a_slack_that_is_away_is_one_sentence(ci: Ci) -> None:
    done = await ci.notify(*said(), slack_api_url="http://127.0.0.1:9/api", slack_bot_token=SECRET)

    assert (done.status, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "cannot be reached" in done.err
    assert SECRET not in done.err


async def test_a_chart_that_slack_does_not_take_leaves_the_message(
    slack: LoopbackSlack, channel: Channel, ci: Ci
) -> None:
    slack.home.scopes = frozenset(SCOPES) - {"files:write"}
    (ci.folder / "chart.png").write_bytes(PNG)
    done = await ci.notify(*said("Done", "--chart", "chart.png"))

    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert "the message stands, without its chart: the bot lacks the scope files:write" in done.err
    assert len(slack.posted(channel)) == 1


@pytest.mark.parametrize("content", [None, b"", b"GIF89a", b"\x89PNG"], ids=["missing", "empty", "gif", "cut off"])
def test_a_chart_that_is_none_is_refused_before_anything_is_posted(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INDIEAN_SLACK_BOT_TOKEN", SECRET)
    monkeypatch.setenv("INDIEAN_SLACK_STATUS_CHANNEL", "C0123456789")
    monkeypatch.setenv("INDIEAN_SLACK_API_URL", "http://127.0.0.1:9/api")
    chart = tmp_path / "chart.png"
    if content is not None:
        chart.write_bytes(content)
    status = run(["slack", "notify", *said("Done", "--chart", str(chart))])
    err = capsys.readouterr().err

    assert (status, len(err.splitlines())) == (1, 1)
    assert "chart.png" in err
    assert "Slack" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--title", "Done", "--url", URL],
        ["--status", "so-so", "--title", "Done", "--url", URL],
        ["--status", "success", "--title", "  ", "--url", URL],
        ["--status", "success", "--title", "Done", "--url", "javascript:alert(1)"],
        ["--status", "success", "--title", "Done", "--url", "https://[half"],
        said("Done", "--fact", "no value"),
    ],
    ids=["nothing", "no status", "another status", "no title", "no page", "half a page", "no fact"],
)
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert run(["slack", "notify", *arguments]) == 2


async def test_neither_torch_nor_the_database_is_loaded_for_it(ci: Ci) -> None:
    """A workflow waits for each of these seconds, and has no database to open."""
    program = (
        "import sys; from bot.__main__ import run; status = run(sys.argv[1:]); "
        "print(status, 'torch' in sys.modules, 'aiosqlite' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "slack", "notify", *said()),
        cwd=ci.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **ci.settings},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), WITHIN)

    assert out.decode().split() == ["0", "False", "False"]
