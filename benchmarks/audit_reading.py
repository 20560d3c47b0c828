"""Verifying and proving a stored log, each in a process of its own that says what it took."""

import json
import random
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from flask_jafsec.audit.note_keys import NoteSigner, NoteVerifier
from flask_jafsec.audit.proving import prove
from flask_jafsec.audit.verifying import Verifier
from flask_jafsec.encryption.keyring import Keyring, Purpose
from flask_jafsec.stores.sql.audit.store import SqlAuditStore
from flask_jafsec.stores.sql.store import SqlStore

#: Proofs of leaves anywhere in the log.
PROOFS = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """A log that is there, and the secret its keys come from."""

    url: str
    origin: str
    app_id: str
    root: bytes

    def keyring(self) -> Keyring:
        """Return the keys of the log."""
        return Keyring([("bench", self.root)], self.app_id)

    def verifiers(self) -> list[NoteVerifier]:
        """Return whose signatures count."""
        keys = self.keyring()
        signer = NoteSigner(self.origin, keys.derive(Purpose.AUDIT_ED25519, keys.active))
        return [NoteVerifier.from_vkey(signer.verifier_key)]


class Verified(NamedTuple):
    """What verifying took."""

    events: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def verified(log: Kept) -> Verified:
    """Verify the whole log. Raises RuntimeError where that does not end with OK."""
    keys = log.keyring()
    mac = keys.derive(Purpose.AUDIT_MAC, keys.active)
    with closing(SqlStore(log.url, timeout_s=60)) as store:
        verifier = Verifier(
            SqlAuditStore(store),
            origin=log.origin,
            verifiers=log.verifiers(),
            mac_key=lambda root: mac if root == keys.active else None,
        )
        began, worked = time.perf_counter(), time.process_time()
        found = verifier.run(now=time.time_ns() // 1_000)
        wall, cpu = time.perf_counter() - began, time.process_time() - worked
    if found.exit_code or not found.events:
        raise RuntimeError(f"the log is not OK: {found.findings}")
    return Verified(found.events, wall, cpu, peak_mb())


def peak_mb() -> float:
    """Return the most memory this process has had; ``ru_maxrss`` counts its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def proved(log: Kept) -> tuple[float, float]:
    """Return median and 95th percentile of the milliseconds that one checked proof takes."""
    chance, laps = random.Random(5), []
    with closing(SqlStore(log.url, timeout_s=60)) as store:
        audit = SqlAuditStore(store)
        with audit.reading() as view:
            head = view.head()
            size = head.size if head else 0
            places = [chance.randrange(size) for _ in range(PROOFS)]
            ids = [leaf.event_id or "" for at in places for leaf in view.leaves(at, 1)]
        for event_id in ids:
            began = time.perf_counter()
            with audit.reading() as view:
                prove(view, event_id, log.verifiers())
            laps.append((time.perf_counter() - began) * 1e3)
    return median(laps), quantiles(laps, n=20)[-1]


def alone(work: str, log: Kept) -> list[float]:
    """Return what ``verified`` or ``proved`` gives in a new process, whose memory is its own."""
    given = {"work": work, "url": log.url, "origin": log.origin, "app_id": log.app_id}
    command = [sys.executable, "-m", "benchmarks.audit_reading"]
    asked = json.dumps(given | {"root": log.root.hex()})
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return list(json.loads(done.stdout))


def main() -> None:
    """Do what is asked for on standard input, and say what it took."""
    asked = json.load(sys.stdin)
    log = Kept(asked["url"], asked["origin"], asked["app_id"], bytes.fromhex(asked["root"]))
    print(json.dumps({"verified": verified, "proved": proved}[asked["work"]](log)))


if __name__ == "__main__":
    main()
