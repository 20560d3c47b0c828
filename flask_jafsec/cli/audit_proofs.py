"""``audit prove``, ``verify-proof``, ``consistency`` and ``vkey``: proofs for others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import AppGroup

from flask_jafsec.audit.note_keys import NoteVerifier
from flask_jafsec.audit.notes import NoteInvalid, open_checkpoint
from flask_jafsec.audit.proofs import verify_proof
from flask_jafsec.audit.proving import NotCovered, prove, prove_growth
from flask_jafsec.audit.tree import MissingLeaves, ProofInvalid
from flask_jafsec.cli.audit_group import INCOMPLETE, TAMPERED, USAGE, log_of
from flask_jafsec.cli.failing import command, fail
from flask_jafsec.cli.output import shown

#: A proof has at most 63 hashes and a note of 64 KiB.
MAX_PROOF_BYTES = 128 * 1024


def add(audit: AppGroup) -> None:
    """Add the commands to *audit*."""
    _add_making(audit)
    _add_checking(audit)


def _add_making(audit: AppGroup) -> None:
    @command(audit, "prove", "Print a proof that an event is in the log, for anybody.")
    @click.argument("event_id")
    def prove_event(event_id: str) -> None:
        log = log_of()
        try:
            with log.store.reading() as view:
                click.echo(prove(view, event_id.strip().upper(), log.verifiers), nl=False)
        except NotCovered as error:
            fail(str(error), INCOMPLETE)
        except (ProofInvalid, MissingLeaves, NoteInvalid) as error:
            fail(f"the log does not prove it: {error}", TAMPERED)

    @command(audit, "consistency", "Print a proof that the log only grew since an old note.")
    @click.argument("note", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def consistency(note: Path) -> None:
        log, old = log_of(), _read(note)
        try:
            open_checkpoint(old, log.verifiers)
        except NoteInvalid as error:
            fail(f"{note} is not one checkpoint of this log: {error}", USAGE)
        try:
            with log.store.reading() as view:
                click.echo(prove_growth(view, old, log.verifiers), nl=False)
        except NotCovered as error:
            fail(str(error), INCOMPLETE)
        except (ProofInvalid, MissingLeaves, NoteInvalid) as error:
            fail(f"the log does not prove it: {error}", TAMPERED)

    @command(audit, "vkey", "Print the public keys that checkpoints are verified with.")
    def vkey() -> None:
        for signer in log_of().signers:
            click.echo(signer.verifier_key)


def _add_checking(audit: AppGroup) -> None:
    @audit.command("verify-proof", help="Check a proof; reads nothing of the database.")
    @click.argument("proof", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--vkey", "vkeys", multiple=True, required=True, help="The log's public key.")
    def check(proof: Path, vkeys: Sequence[str]) -> None:
        try:
            verifiers = [NoteVerifier.from_vkey(text) for text in vkeys]
        except NoteInvalid as error:
            fail(f"--vkey: {error}", USAGE)
        try:
            found = verify_proof(_read(proof), verifiers)
        except (ProofInvalid, NoteInvalid) as error:
            fail(str(error), TAMPERED)
        click.echo(json.dumps(json.loads(found.envelope), indent=2))
        size = found.checkpoint.size
        click.echo(f"RESULT  OK  leaf {found.index} of {size} in {shown(found.checkpoint.origin)}")


def _read(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_PROOF_BYTES)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        fail(f"{path} is no text", USAGE)
