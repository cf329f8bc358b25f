"""The commands of `reelyard`, each a thin layer over the Python client."""

from __future__ import annotations

import typer

from api.cli import config, jobs, keys, operations, run, serve, top

app = typer.Typer(
    help="Reelyard: media jobs on a cluster of your own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 a job failed, 2 request refused, 3 cancelled, "
    "4 no cluster answers, 130 interrupted.",
)
app.command("run")(run.run)
app.command("operations")(operations.operations)
app.command("up")(serve.up)
app.command("status")(serve.status)
app.command("jobs")(jobs.jobs)
app.command("show")(jobs.show)
app.command("cancel")(jobs.cancel)
app.command("retry")(jobs.retry)
app.command("wait")(jobs.wait)
app.command("top")(top.top)
app.command("config")(config.config)
app.add_typer(keys.app, name="keys")
