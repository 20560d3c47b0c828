"""Runs every benchmark, one after the other: ``python -m benchmarks``."""

import argparse
import sys

from benchmarks import request_line, setup_cost


def main() -> int:
    """Returns the worst exit code; the options are those that every benchmark knows."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="put the results into README.md")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.parse_args()
    print("# request_line\n")
    worst = request_line.main(sys.argv[1:])
    print("\n# setup_cost\n")
    return max(worst, setup_cost.main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
