"""Command line of the service: ``python -m serving --help``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from features.errors import FeaturesError
from scoring.errors import ScoringError
from serving import operating
from serving.access.account_commands import accounts
from serving.access.commands import audit, keys, policy
from serving.access.local import Access
from serving.backup.commands import backup, restore, verify_backup
from serving.case_commands import cases
from serving.errors import Problem, ServingError
from serving.identity.commands import identity
from serving.leads.commands import clusters, leads
from serving.models.commands import models
from serving.outcomes.commands import outcomes
from serving.retention.commands import retention
from serving.score_commands import pull, score, score_province
from serving.webhooks.commands import webhooks
from serving.worklists.commands import audit_misses, worklists

app = typer.Typer(
    help="Score households, keep the answers, and show them.", no_args_is_help=True, add_completion=False
)
errors = Console(stderr=True)

SWITCH_SECONDS = 0.001
"""How long a thread that works keeps others waiting: the one that answers needs many turns for an answer."""


def run(
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of one model bundle, not changed while the service runs")
    ] = None,
    models: Annotated[
        Path | None, typer.Option(help="Folder of the model store (`models --help`), instead of a bundle")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Database, sqlite:////path/to/file.db or postgresql://…")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes for jobs; 0 where others do them")] = None,
    access: Annotated[
        Access | None, typer.Option(help="keys, or open: no access control, on this machine alone")
    ] = None,
) -> None:
    """Run the API and the console. What is not given here is read from FANGFAN_* variables."""
    # Requests are answered by several threads; each prediction needs no threads of its own.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import uvicorn

    from serving.jobs.supervisor import Supervisor
    from serving.logs import configure_logging
    from serving.metrics.process_folder import count_together
    from serving.settings import Settings

    settings = Settings.from_environment(
        bundle_dir=bundle, models_dir=models, database_url=database, host=host, port=port, workers=workers,
        access=access,
    )  # fmt: skip
    if settings.metrics_dir is not None:
        count_together(settings.metrics_dir)
    # It imports what counts, which asks for the folder once.
    from serving.app import create_app
    from serving.connections import SteadyProtocol
    from serving.drain import DrainingServer
    from serving.heap import set_aside

    service = create_app(settings)
    service.state.champion.after_loading = set_aside
    sys.setswitchinterval(SWITCH_SECONDS)
    configure_logging()
    supervisor = Supervisor(settings.workers, settings.environment())
    supervisor.start()
    # The server's own access log would hold addresses, and so keys of households; `Guard` writes another.
    config = uvicorn.Config(
        service, host=settings.host, port=settings.port, access_log=False, log_config=None,
        http=SteadyProtocol, server_header=False, timeout_graceful_shutdown=settings.drain_seconds,
    )  # fmt: skip
    try:
        DrainingServer(config, service.state.drain, settings.drain_notice_seconds, supervisor.stop).run()
    finally:
        supervisor.stop()


_PANELS: dict[str, tuple[Callable[..., None] | typer.Typer, ...]] = {
    "Run the service": (run, operating.work, operating.migrate, webhooks),
    "Score": (score, score_province),
    "Change the model": (pull, models),
    "Who may see what": (policy, keys, accounts, identity, audit),
    "Casework": (audit_misses, clusters, cases, leads, outcomes, worklists),
    "Keep and copy": (backup, verify_backup, restore, retention),
}
"""The commands as `--help` shows them: a panel for each kind of work, the first week's first."""

for _panel, _parts in _PANELS.items():
    for _part in _parts:
        if isinstance(_part, typer.Typer):
            app.add_typer(_part, rich_help_panel=_panel)
        else:
            app.command(rich_help_panel=_panel)(_part)


def main() -> None:
    """Run the command line; a refused request is one sentence and exit code 2."""
    try:
        app()
    except (ServingError, FeaturesError, ScoringError) as error:
        errors.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    except Problem as problem:
        # What a store says to a command that has no caller to answer.
        errors.print(f"{problem.detail} {problem.kind.way_out}", style="red", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
    except OSError as error:
        errors.print(f"{error.strerror}: {error.filename}", style="red", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
