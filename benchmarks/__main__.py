"""Runs every benchmark, one after the other: ``python -m benchmarks``."""

import argparse
import sys

from benchmarks import audit_append, audit_search, audit_verify, request_line, setup_cost

#: In the order they run; the last one takes longest.
ALL = (request_line, setup_cost, audit_append, audit_verify, audit_search)


def main() -> int:
    """Returns the worst exit code; the options are those that every benchmark knows."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="put the results into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.parse_args()
    worst = 0
    for benchmark in ALL:
        print(f"\n# {benchmark.__name__.rpartition('.')[2]}\n")
        worst = max(worst, benchmark.main(sys.argv[1:]))
    return worst


if __name__ == "__main__":
    sys.exit(main())
