"""A journal that has just been made is never taken for one that was left behind."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from flask_jafsec.audit.journal import Journal, JournalFailed, left_behind

JOURNALS = 500


def test_an_adopter_that_never_rests_takes_no_living_journal(tmp_path: Path) -> None:
    ending = threading.Event()

    def adopt_for_ever() -> None:
        while not ending.is_set():
            for left in left_behind(tmp_path):
                with closing(left):
                    left.remove()

    adopters = [threading.Thread(target=adopt_for_ever) for _ in range(2)]
    for thread in adopters:
        thread.start()
    try:
        taken = [number for number in range(JOURNALS) if is_taken(tmp_path, number)]
    finally:
        ending.set()
        for thread in adopters:
            thread.join()

    assert taken == []


def is_taken(folder: Path, number: int) -> bool:
    """Make a journal; return whether it is gone, or was never to be had."""
    try:
        journal = Journal.create(folder, f"{number:016x}")
    except JournalFailed:
        return True
    is_gone = not journal.path.exists()
    journal.remove()
    return is_gone
