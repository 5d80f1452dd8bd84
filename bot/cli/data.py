"""`indiean data ...`: what the model learns from, on its way in and out."""

from __future__ import annotations

import typer

from bot.cli.describe import describe_
from bot.cli.importing import import_
from bot.cli.lake import check_, export_, prune_
from bot.cli.refresh import refresh_

app = typer.Typer(no_args_is_help=True, help="The data that the model learns from: import it, look at it, keep it.")
app.command("import")(import_)
app.command("export")(export_)
app.command("check")(check_)
app.command("refresh")(refresh_)
app.command("describe")(describe_)
app.command("prune")(prune_)
