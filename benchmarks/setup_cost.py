"""What starting costs over Flask: imports, the first request, memory; in fresh interpreters.

``python -m benchmarks.setup_cost --help``; README.md tells what each row is.
"""

import argparse
import base64
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import facts
from benchmarks.tables import bullets, fill_readme, table, write_json

#: Starts of every case. A start is noisier than a lap and there are few cases, so more of them.
ROUNDS = 21
#: How long one start may take before it counts as hanging.
START_TIMEOUT_S = 60
#: One root key for all starts of a run, in the form of JAFSEC_ROOT_KEYS.
ROOT_KEYS = "bench1:" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


@dataclass(frozen=True, slots=True)
class Case:
    """A row: the case of setup_cases.py, the case it is compared with, and the most it may add."""

    name: str
    label: str
    base: str
    goal_ms: float | None = None
    goal_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """What one start cost."""

    cpu_ms: float
    wall_ms: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """A measured case; ``added_*`` are medians of the differences within a round."""

    name: str
    label: str
    wall_ms: float
    added_wall_ms: float
    added_cpu_ms: float
    resident_mb: float
    added_mb: float
    goal_ms: float | None
    goal_mb: float | None

    @property
    def meets_goals(self) -> bool | None:
        """Whether every goal of the row is reached; None where it has none."""
        pairs = ((self.goal_ms, self.added_wall_ms), (self.goal_mb, self.added_mb))
        judged = [added <= goal for goal, added in pairs if goal is not None]
        return all(judged) if judged else None


CASES = (
    Case("import-flask", "import flask", "import-flask"),
    Case("import-jafsec", "import flask, flask_jafsec", "import-flask", goal_ms=30),
    Case("import-class", "the same and from flask_jafsec import JafSecurity", "import-flask"),
    Case("serve-flask", "Flask, first request served", "serve-flask"),
    Case("serve-by-hand", "by hand, first request served", "serve-flask"),
    Case("serve-jafsec", "JafSecurity(app) on an existing SQLite file, first request served",
         "serve-flask", goal_ms=300, goal_mb=35),
)  # fmt: skip


class StartError(Exception):
    """A case did not start; the message is its last line of complaint."""


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and returns the exit code: 1 with ``--check`` and a goal missed."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="jafsec-bench-") as folder:
        if options.profile:
            print(slowest_imports(options.profile, folder))
            return 0
        missing = first_starts(folder)
        cases = [case for case in CASES if case.label not in missing]
        starts = interleave(cases, options.rounds, folder)
    rows = [row(case, starts) for case in cases]
    report(rows, missing, options)
    return int(options.check and (bool(missing) or any(r.meets_goals is False for r in rows)))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(prog="benchmarks.setup_cost", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--profile", choices=names, help="slowest imports of one case, no table")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    return parser.parse_args(arguments)


def first_starts(folder: str) -> dict[str, str]:
    """Starts every case once and returns the reason for each that cannot start.

    The first start compiles what is imported and makes the SQLite file, as an installation does.
    """
    missing: dict[str, str] = {}
    for case in CASES:
        try:
            start(case.name, folder)
        except StartError as error:
            missing[case.label] = str(error)
    return missing


def interleave(cases: Sequence[Case], rounds: int, folder: str) -> dict[str, list[Start]]:
    """Returns *rounds* starts of every case, in a new order each round, from a fixed seed."""
    shuffled = random.Random(0)
    starts: dict[str, list[Start]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for name in shuffled.sample(list(starts), len(starts)):
            starts[name].append(start(name, folder))
    return starts


def start(name: str, folder: str) -> Start:
    """Returns what one start of the case cost.

    Raises:
        StartError: It ended with an error.
    """
    done = run([sys.executable, "-m", "benchmarks.setup_cases", name, folder])
    if done.returncode:
        raise StartError((done.stderr.strip() or "no message").splitlines()[-1])
    return Start(**json.loads(done.stdout.splitlines()[-1]))


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Returns the finished *command*, run where the checkout is importable."""
    root = Path(__file__).parent.parent
    environment = {**os.environ, "BENCHMARK_ROOT_KEYS": ROOT_KEYS}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True,
        timeout=START_TIMEOUT_S, check=False,
    )  # fmt: skip


def slowest_imports(name: str, folder: str) -> str:
    """Returns the thirty imports with the most time of their own, from ``-X importtime``."""
    start(name, folder)
    command = [sys.executable, "-X", "importtime", "-m", "benchmarks.setup_cases", name, folder]
    lines = [line for line in run(command).stderr.splitlines() if line.startswith("import time:")]
    timed = [line for line in lines if line.split(":")[1].split("|")[0].strip().isdigit()]
    timed.sort(key=lambda line: int(line.split(":")[1].split("|")[0]), reverse=True)
    return "\n".join([lines[0], *timed[:30]])


def row(case: Case, starts: dict[str, list[Start]]) -> Row:
    """Returns what the starts of *case* say beside those of its base."""
    own = starts[case.name]
    pairs = list(zip(own, starts[case.base], strict=True))
    return Row(
        name=case.name,
        label=case.label,
        wall_ms=median(start.wall_ms for start in own),
        added_wall_ms=median(a.wall_ms - b.wall_ms for a, b in pairs),
        added_cpu_ms=median(a.cpu_ms - b.cpu_ms for a, b in pairs),
        resident_mb=median(start.resident_mb for start in own),
        added_mb=median(a.resident_mb - b.resident_mb for a, b in pairs),
        goal_ms=case.goal_ms,
        goal_mb=case.goal_mb,
    )


HEADS = ("start", "wall ms", "added", "added CPU ms", "RSS MB", "added", "goal", "met")


def cells(row: Row) -> tuple[str, ...]:
    """Returns *row* as it is shown."""
    goals = ((row.goal_ms, "ms"), (row.goal_mb, "MB"))
    return (
        row.label,
        f"{row.wall_ms:.0f}",
        f"{row.added_wall_ms:+.1f}",
        f"{row.added_cpu_ms:+.1f}",
        f"{row.resident_mb:.1f}",
        f"{row.added_mb:+.1f}",
        ", ".join(f"<= {goal:g} {unit}" for goal, unit in goals if goal is not None) or "-",
        {True: "yes", False: "NO", None: "-"}[row.meets_goals],
    )


def report(rows: Sequence[Row], missing: dict[str, str], options: argparse.Namespace) -> None:
    """Prints the result, and keeps it where *options* say."""
    machine = facts()
    shown = [cells(row) for row in rows]
    shown += [(label, "not measured", *["-"] * 6) for label in missing]
    length = f"{options.rounds} starts of each, interleaved, in fresh interpreters"
    text = f"{length}\n\n{table(HEADS, shown)}\n\n{bullets(machine)}"
    print(text)
    for label, reason in missing.items():
        print(f"not measured: {label}: {reason}", file=sys.stderr)
    if options.readme:
        fill_readme("setup_cost", text)
    if options.json:
        results = {"machine": machine, "rows": [asdict(row) for row in rows], "missing": missing}
        write_json(options.json, results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
