"""A journal that has just been made is never taken for one that was left behind."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from flask_jafsec.audit.journal import Journal, left_behind

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
    taken = 0
    for number in range(JOURNALS):
        journal = Journal.create(tmp_path, f"{number:016x}")
        taken += not journal.path.exists()
        journal.remove()
    ending.set()
    for thread in adopters:
        thread.join()

    assert taken == 0
