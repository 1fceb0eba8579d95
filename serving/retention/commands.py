"""The command that deletes what was kept long enough."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import typer
from rich.table import Table

from features.policy import DEFAULT_REGION
from features.screen import show_table
from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened_log


def retention(
    database: DatabaseOption,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Delete nothing: count what would be")] = False,
    region: Annotated[str, typer.Option(help="Policy region whose times of keeping hold")] = DEFAULT_REGION,
    log_days: Annotated[
        int | None, typer.Option(help="Keep the log of reads this long instead; never below the law's", min=1)
    ] = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete what is older than the policy lets it be.

    That is the log of reads, assessments, jobs with their files, keys of requests, closed cases, visits and
    worklists; nothing open. The log is pruned from
    its start and stays verifiable; note the head that `audit verify` prints down again afterwards.
    """
    from serving.bulk import JobFolders
    from serving.retention.deleting import delete_old, rules_of
    from serving.settings import Settings

    rules = rules_of(region, dt.datetime.now(dt.UTC).date(), log_days)
    settings = Settings.of_command(database, audit_key_file=audit_key_file)
    with opened_log(settings) as (_, log):
        log.check_key()
        made = delete_old(log, JobFolders(settings.jobs_folder), rules, OPERATOR, is_dry=is_dry)
    if as_json:
        print(json.dumps({"is_dry_run": is_dry, "kept": [one.as_json() for one in made]}, ensure_ascii=False))
        return
    table = Table(title="Would be deleted" if is_dry else "Deleted", title_justify="left")
    for heading in ("what", "days kept", "deleted" if not is_dry else "would go", "left", "oldest left"):
        table.add_column(heading)
    for one in made:
        oldest = f"{one.oldest:%Y-%m-%d}" if one.oldest else "–"
        days = f"{one.rule.days}{' (assumption)' if one.rule.is_assumption else ''}"
        table.add_row(one.rule.subject, days, f"{one.deleted:,}", f"{one.left:,}", oldest)
    show_table(table)
