"""The command line: `indiean ...`, one row a command, and one place where errors become sentences."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import typer
from rich.logging import RichHandler

from bot.cli import data, discord_sync, doctor, jobs, learn, models, people, serve, slack, tune
from bot.cli.output import err
from bot.errors import BotError
from bot.settings import SettingsRefused
from jobs.errors import JobError
from recommender.errors import RecommenderError
from storage.errors import StorageError

REFUSED, INTERRUPTED = 1, 130

app = typer.Typer(
    name="indiean",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Indie games picked for a player, each with its reason.",
)
app.command("demo")(people.demo)
app.command("chat")(people.chat)
app.command("recommend")(people.recommend)
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
app.add_typer(discord_sync.app, name="discord")
app.add_typer(slack.app, name="slack")
app.add_typer(data.app, name="data")
app.command("train")(learn.train_command)
app.command("evaluate")(learn.evaluate_command)
app.command("tune")(tune.tune_command)
app.add_typer(models.app, name="models")
app.add_typer(jobs.app, name="jobs")


def main(arguments: Sequence[str] | None = None) -> None:
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 done, 1 refused with a sentence on stderr, 2 wrong usage, 130 interrupted."""
    logging.basicConfig(
        level=logging.WARNING, format="%(message)s", handlers=[RichHandler(console=err(), show_path=False)]
    )
    try:
        typer.main.get_command(app).main(args=arguments, prog_name="indiean")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SettingsRefused as refused:
        for problem in refused.problems:
            err().print(f"[red]setting[/red] {problem}", soft_wrap=True)
        return REFUSED
    except (BotError, JobError, RecommenderError, StorageError, OSError) as refused:
        err().print("[red]refused[/red]", end=" ")
        err().print(str(refused), markup=False, soft_wrap=True)
        return REFUSED
    return 0


if __name__ == "__main__":
    main()
