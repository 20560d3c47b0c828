"""What the whole line costs a request, beside bare Flask and a stack put together by hand.

``python -m benchmarks.request_line --help``; README.md tells what each row is.
"""

import argparse
import cProfile
import pstats
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks import baselines, ours
from benchmarks.machine import facts
from benchmarks.measuring import Laps, Subject, cpu_ratio, interleave, lap, serve, wall_ratio
from benchmarks.tables import bullets, fill_readme, table, write_json

#: Laps and requests a lap. Source: performance.md section 1b (21 x 250).
ROUNDS, REQUESTS = 21, 250
#: Requests of a profile.
PROFILED = 2000


@dataclass(frozen=True, slots=True)
class Variant:
    """A row: how to build its subject, and the most its ratios may be."""

    name: str
    label: str
    build: Callable[[], Subject]
    goal_bare: float | None = None
    goal_by_hand: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A measured row. ``low`` and ``high`` are the quartiles of the ratio over the rounds."""

    name: str
    label: str
    cpu_us: float
    cpu_to_bare: float
    low: float
    high: float
    wall_to_bare: float
    cpu_to_by_hand: float
    goal_bare: float | None
    goal_by_hand: float | None

    @property
    def meets_goals(self) -> bool | None:
        """Whether every goal of the row is reached; None where it has none."""
        pairs = ((self.goal_bare, self.cpu_to_bare), (self.goal_by_hand, self.cpu_to_by_hand))
        judged = [ratio <= goal for goal, ratio in pairs if goal is not None]
        return all(judged) if judged else None


#: The first two are what every other row is compared with.
VARIANTS = (
    Variant("bare", "bare Flask", baselines.bare_flask),
    Variant("by-hand", "by hand: jwt-extended, limiter, talisman, cors, log", baselines.by_hand),
    Variant("by-hand-limited", "by hand: over the limit, 429", baselines.by_hand_over_limit),
    Variant("by-hand-forged", "by hand: forged token, 422", baselines.by_hand_forged),
    Variant("seen", "ours, whole line: token seen", ours.seen_token, 1.35, 0.25),
    Variant("seen-many", "the same, a new caller each in a minute", ours.seen_token_of_many),
    Variant("seen-key", "API key seen", ours.seen_key),
    Variant("first-hs256", "first sight of an HS256 token", ours.first_token, 1.9),
    Variant("first-rs256", "first sight of an RS256 token", ours.first_rs256, 2.5),
    Variant("first-caller", "first sight of token and caller", ours.first_caller),
    Variant("limited", "at the gate: over the address limit, 429", ours.limited, 0.08),
    Variant("malformed-key", "at the gate: malformed API key, 401", ours.malformed_key, 0.08),
    Variant("forged", "at the gate: forged HS256 token, 401", ours.forged, 0.5),
)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and returns the exit code: 1 with ``--check`` and a goal missed."""
    options = parse(arguments)
    names = {"bare", "by-hand", *(options.only or [variant.name for variant in VARIANTS])}
    chosen = [variant for variant in VARIANTS if variant.name in names]
    if options.profile:
        profile(next(variant for variant in VARIANTS if variant.name == options.profile))
        return 0
    subjects, missing = build(chosen)
    if not {"bare", "by-hand"} <= subjects.keys():
        print("nothing to compare with: install the extra [bench]", *missing.values(), sep="\n")
        return 1
    laps = interleave(subjects, options.rounds, options.requests)
    rows = [row(variant, laps) for variant in chosen if variant.name in subjects]
    report(rows, missing, options)
    return int(options.check and (bool(missing) or any(r.meets_goals is False for r in rows)))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(prog="benchmarks.request_line", description=__doc__)
    names = [variant.name for variant in VARIANTS]
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="a lap")
    parser.add_argument("--only", action="append", choices=names, help="beside the two baselines")
    parser.add_argument("--profile", choices=names, help="cProfile of one variant, no table")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="put the result into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    return parser.parse_args(arguments)


def build(variants: Sequence[Variant]) -> tuple[dict[str, Subject], dict[str, str]]:
    """Returns the subjects, and the reason for each variant that cannot be built here."""
    subjects: dict[str, Subject] = {}
    missing: dict[str, str] = {}
    for variant in variants:
        try:
            subject = variant.build()
            lap(subject, subject.warm_up)
        # A row that fails for any reason is named in the table; the others are still worth having.
        except Exception as error:  # noqa: BLE001
            missing[variant.label] = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            subjects[variant.name] = subject
    return subjects, missing


def row(variant: Variant, laps: Laps) -> Row:
    """Returns what *variant*'s laps say beside those of the two baselines."""
    own, bare = laps[variant.name], laps["bare"]
    ratios = sorted(a.cpu_us / b.cpu_us for a, b in zip(own, bare, strict=True))
    return Row(
        name=variant.name,
        label=variant.label,
        cpu_us=median(lap.cpu_us for lap in own),
        cpu_to_bare=cpu_ratio(own, bare),
        low=ratios[len(ratios) // 4],
        high=ratios[len(ratios) * 3 // 4],
        wall_to_bare=wall_ratio(own, bare),
        cpu_to_by_hand=cpu_ratio(own, laps["by-hand"]),
        goal_bare=variant.goal_bare,
        goal_by_hand=variant.goal_by_hand,
    )


HEADS = ("variant", "CPU us", "x bare", "quartiles", "x bare, wall", "x by hand", "goal", "met")


def cells(row: Row) -> tuple[str, ...]:
    """Returns *row* as it is shown."""
    goals = ((row.goal_bare, "bare"), (row.goal_by_hand, "by hand"))
    digits = 3 if row.cpu_to_bare < 0.5 else 2
    return (
        row.label,
        f"{row.cpu_us:.1f}",
        f"{row.cpu_to_bare:.{digits}f}",
        f"{row.low:.{digits}f}-{row.high:.{digits}f}",
        f"{row.wall_to_bare:.{digits}f}",
        f"{row.cpu_to_by_hand:.3f}",
        ", ".join(f"<= {goal:g} {base}" for goal, base in goals if goal is not None) or "-",
        {True: "yes", False: "NO", None: "-"}[row.meets_goals],
    )


def report(rows: Sequence[Row], missing: dict[str, str], options: argparse.Namespace) -> None:
    """Prints the result, and keeps it where *options* say."""
    machine = facts()
    length = f"{options.rounds} rounds of {options.requests} requests, interleaved"
    shown = [cells(row) for row in rows]
    shown += [(label, "not measured", *["-"] * 6) for label in missing]
    text = f"{length}\n\n{table(HEADS, shown)}\n\n{bullets(machine)}"
    print(text)
    for label, reason in missing.items():
        print(f"not measured: {label}: {reason}", file=sys.stderr)
    if options.readme:
        fill_readme("request_line", text)
    if options.json:
        results = {"machine": machine, "rows": [asdict(row) for row in rows], "missing": missing}
        write_json(options.json, results)


def profile(variant: Variant) -> None:
    """Prints where *variant*'s time goes, by own and by cumulative time."""
    subject = variant.build()
    lap(subject, subject.warm_up)
    environs = subject.requests(PROFILED)  # making tokens and keys is nobody's request
    subject.settle()
    recorder = cProfile.Profile()
    recorder.runcall(serve, subject.app, environs)
    statistics = pstats.Stats(recorder)
    for order in ("tottime", "cumulative"):
        statistics.sort_stats(order).print_stats(30)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
