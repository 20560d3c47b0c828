"""``audit verify`` and ``audit export``: the whole log, checked or handed to an auditor."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import AppGroup

from flask_jafsec.audit.anchors import AnchorFailed, read_anchors
from flask_jafsec.audit.envelope import time_or_number
from flask_jafsec.audit.exported import NothingSigned, RowDamaged, export_lines
from flask_jafsec.audit.findings import Verification
from flask_jafsec.audit.kept_anchors import anchor_files
from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.notes import NoteInvalid
from flask_jafsec.audit.standing import RESULTS, verified_facts
from flask_jafsec.audit.tree import MissingLeaves
from flask_jafsec.audit.tree_checking import Anchored
from flask_jafsec.cli.audit_group import INCOMPLETE, TAMPERED, USAGE, log_of, record_looking
from flask_jafsec.cli.failing import command, fail, json_option, state
from flask_jafsec.cli.output import print_json, shown
from flask_jafsec.errors import StoreDamaged
from flask_jafsec.events import EventType
from flask_jafsec.web.audit_log import AuditLog


def add(audit: AppGroup) -> None:
    """Add the commands to *audit*."""
    _add_verify(audit)
    _add_export(audit)


def _add_verify(audit: AppGroup) -> None:
    @command(audit, "verify", "Verify the whole log, trusting nothing derived.")
    @click.option("--from", "first", type=click.IntRange(0), default=0, help="First leaf.")
    @click.option("--anchor", "anchors", multiple=True, help="A file of checkpoints, or -.")
    @click.option("--vkey", "vkeys", multiple=True, help="A public key besides the log's own.")
    @click.option("--no-mac", is_flag=True, help="Leave the MACs out: keys are not needed then.")
    @json_option
    def verify(
        first: int, anchors: Sequence[str], vkeys: Sequence[str], no_mac: bool, as_json: bool
    ) -> None:
        log = log_of()
        more = [_vkey(text) for text in vkeys]
        kept = _anchors(log, anchors, more)
        began = time.perf_counter()
        with _progress(shows=not as_json) as progress:
            found = log.verifier(more).run(
                now=time.time_ns() // 1_000,
                first_leaf=first,
                anchors=kept,
                check_mac=not no_mac,
                progress=progress,
            )
        # Printed first: a log that is damaged may not take the record of it.
        if as_json:
            print_json(_facts(found))
        else:
            _print(found, log, time.perf_counter() - began)
        record_looking(EventType.AUDIT_VERIFIED, dict(verified_facts(found)))
        sys.exit(found.exit_code)


def _add_export(audit: AppGroup) -> None:
    @command(audit, "export", "Write the log as the auditor's own program reads it.")
    @click.option("--log", "whole", is_flag=True, required=True, help="The whole log, as leaves.")
    @click.option("--from", "first", type=click.IntRange(0), default=0, help="First leaf.")
    def export(whole: bool, first: int) -> None:  # noqa: ARG001 - says which of the forms is meant
        log, lines = log_of(), 0
        try:
            with log.store.reading() as view:
                for line in export_lines(view, first):
                    click.echo(line)
                    lines += 1
        except (NothingSigned, MissingLeaves) as error:
            fail(str(error), INCOMPLETE)
        except (RowDamaged, StoreDamaged) as error:
            fail(str(error), TAMPERED)
        record_looking(EventType.AUDIT_EXPORTED, {"rows": lines - 1, "first_leaf": first})


def _vkey(text: str) -> NoteVerifier:
    try:
        return NoteVerifier.from_vkey(text)
    except NoteInvalid as error:
        fail(f"--vkey: {error}", USAGE)


def _anchors(
    log: AuditLog, files: Sequence[str], more: Sequence[NoteVerifier]
) -> Sequence[Anchored]:
    verifiers = [*log.verifiers, *more]
    if not files:
        files = [str(path) for path in anchor_files(state().settings.audit.anchors)]
    kept: list[Anchored] = []
    for name in files:
        path = Path("/dev/stdin" if name == "-" else name)
        try:
            kept += [Anchored(path.name, found) for found in read_anchors(path, verifiers)]
        except AnchorFailed as error:
            fail(str(error), USAGE)
        except NoteInvalid as error:
            fail(f"{name}: {error}", INCOMPLETE)
    return kept


@contextmanager
def _progress(*, shows: bool) -> Iterator[Callable[[int, int], object]]:
    if not shows or not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    with click.progressbar(length=1, label="Verifying", file=sys.stderr) as bar:

        def tell(done: int, of: int) -> None:
            bar.length = max(1, of)
            bar.update(done - bar.pos)

        yield tell


def _print(found: Verification, log: AuditLog, seconds: float) -> None:
    click.echo(f"log            {shown(found.origin)}")
    click.echo(f"key            {log.verifiers[0].name}, `audit vkey` prints it")
    click.echo(
        f"events         {found.events:,} sequenced + {found.waiting:,} waiting, "
        f"{found.writers:,} writers ({found.live_writers:,} live)"
    )
    newest = found.newest_checkpoint
    tail = (
        f", newest {newest.size:,} at {time_or_number(newest.created_at)[:19]}Z" if newest else ""
    )
    click.echo(f"checkpoints    {found.checkpoints:,} verified{tail}")
    _print_anchors(found)
    click.echo(
        f"personal data  {found.readable:,} readable, {found.erased:,} erased, "
        f"{found.missing:,} missing"
    )
    for finding in found.findings:
        click.echo(shown(finding.text))
    if found.more:
        click.echo(f"... and {found.more:,} more findings")
    rate = found.events / seconds if seconds else 0
    click.echo(f"RESULT  {RESULTS[found.exit_code]}  {_uncovered(found)}")
    click.echo(f"        {seconds:.1f} s, {rate:,.0f} events/s")


def _print_anchors(found: Verification) -> None:
    if not found.anchors:
        click.echo("anchors        none given: cutting the log short cannot be found without one")
        return
    good = [anchor for anchor in found.anchors if anchor.is_reproduced]
    newest = max(found.anchors, key=lambda anchor: anchor.size)
    state_of_newest = "OK" if newest.is_reproduced else "NOT REPRODUCED"
    click.echo(
        f"anchors        {len(good):,} of {len(found.anchors):,} reproduced, "
        f"newest {newest.size:,} = {state_of_newest} ({shown(newest.name)})"
    )


def _uncovered(found: Verification) -> str:
    since = (
        f" (since {time_or_number(found.uncovered_since)[:19]}Z)" if found.uncovered_since else ""
    )
    return f"not covered by an anchor: {found.uncovered:,} events{since}"


def _second(ts: int) -> str:
    text = time_or_number(ts)
    return f"{text[:19]}Z" if text.endswith("Z") else text


def _facts(found: Verification) -> dict[str, object]:
    newest = found.newest_checkpoint
    return {
        "result": RESULTS[found.exit_code],
        "origin": found.origin,
        "events": found.events,
        "waiting": found.waiting,
        "writers": found.writers,
        "checkpoints": found.checkpoints,
        "newest_checkpoint": newest.size if newest else None,
        "anchors": [
            {"name": one.name, "size": one.size, "reproduced": one.is_reproduced}
            for one in found.anchors
        ],
        "personal": {
            "readable": found.readable,
            "erased": found.erased,
            "missing": found.missing,
        },
        "not_covered": found.uncovered,
        "findings": [finding.text for finding in found.findings],
        "more_findings": found.more,
    }
