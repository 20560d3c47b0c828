"""One writer at a time to a SQLite file: threads and processes, also when one of them dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.stores.sql.audit.leader import Leader
from flask_jafsec.stores.sql.turn import WriteTurn, taken

# Python 3.12 and newer warn of what is tested here: a fork while other threads run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)

HOLD = """
import sys
from pathlib import Path
from flask_jafsec.stores.sql.turn import WriteTurn
with WriteTurn(Path(sys.argv[1]), 5.0).held():
    print("held", flush=True)
    sys.stdin.read()
"""

COUNT = """
import sys
from pathlib import Path
from flask_jafsec.stores.sql.turn import WriteTurn
turn, number = WriteTurn(Path(sys.argv[1]), 60.0), Path(sys.argv[2])
for _ in range(100):
    with turn.held():
        number.write_text(str(int(number.read_text()) + 1))
"""


def holder(path: Path) -> subprocess.Popen[bytes]:
    """Return another process that has the turn."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def is_free(path: Path) -> bool:
    try:
        with WriteTurn(path, 0.05).held():
            return True
    except StoreUnavailable:
        return False


def test_while_another_process_writes_the_turn_does_not_come(tmp_path: Path) -> None:
    with holder(tmp_path / "db") as process:
        while_held = is_free(tmp_path / "db")
        process.communicate()

    assert while_held is False
    assert is_free(tmp_path / "db")


def test_a_holder_that_is_killed_frees_it(tmp_path: Path) -> None:
    with holder(tmp_path / "db") as process:
        process.kill()
        process.wait()

        assert is_free(tmp_path / "db")


def test_processes_never_write_together(tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path / "db"), str(number)]

    processes = [subprocess.Popen(command) for _ in range(2)]

    assert [process.wait() for process in processes] == [0, 0]
    assert number.read_text() == "200"


def test_threads_never_write_together(tmp_path: Path) -> None:
    turn = WriteTurn(tmp_path / "db", 60.0)
    inside: list[int] = []
    most: list[int] = []

    def write(_: int) -> None:
        with turn.held():
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))

    assert max(most) == 1


def test_a_thread_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    turn = WriteTurn(tmp_path / "db", 0.05)
    done = threading.Event()

    def wait_in_vain() -> None:
        with pytest.raises(StoreUnavailable, match="did not end in time"), turn.held():
            pass
        done.set()

    with turn.held():
        waiting = threading.Thread(target=wait_in_vain)
        waiting.start()
        waiting.join()

    assert done.is_set()


def test_what_is_raised_inside_gives_the_turn_back(tmp_path: Path) -> None:
    turn = WriteTurn(tmp_path / "db", 0.05)

    def fail() -> None:
        with turn.held():
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()

    with turn.held():
        assert not is_free(tmp_path / "db")


def test_a_child_forked_meanwhile_neither_has_nor_ends_its_parent_s_turn(tmp_path: Path) -> None:
    turn = WriteTurn(tmp_path / "db", 0.05)
    with turn.held():
        child = os.fork()
        if child == 0:
            turn.begin_again()
            try:
                with turn.held():
                    os._exit(1)
            except StoreUnavailable:
                os._exit(0)
            finally:
                os._exit(2)

        assert os.waitpid(child, 0)[1] == 0
        assert not is_free(tmp_path / "db")


def test_a_child_that_let_go_does_not_keep_the_turn_its_parent_ends(tmp_path: Path) -> None:
    turn = WriteTurn(tmp_path / "db", 0.05)
    reading, writing = os.pipe()
    with turn.held():
        child = os.fork()
        if child == 0:
            turn.begin_again()
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        os.close(reading)

    assert is_free(tmp_path / "db")
    os.close(writing)
    os.waitpid(child, 0)


def test_a_folder_that_cannot_be_written_is_the_database_s_fault(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnavailable, match="cannot be opened"),
        WriteTurn(tmp_path / "nowhere" / "db", 0.05).held(),
    ):
        pass


def test_what_cannot_be_locked_is_the_database_s_fault() -> None:
    with socket.socket() as closed:
        number = closed.fileno()

    with pytest.raises(StoreUnavailable, match="cannot be locked"):
        taken(number)


# -- the sequencer's leader, who nobody waits for --


def test_there_is_one_leader_and_nobody_waits_for_it(tmp_path: Path) -> None:
    first, second = Leader(tmp_path / "db"), Leader(tmp_path / "db")

    with first.held() as leads, second.held() as also:
        assert (leads, also) == (True, False)
    with second.held() as leads:
        assert leads is True


def test_the_leader_of_a_file_and_its_writer_are_two_things(tmp_path: Path) -> None:
    with Leader(tmp_path / "db").held() as leads, WriteTurn(tmp_path / "db", 0.05).held():
        assert leads is True


def test_a_closed_turn_keeps_no_file_open_and_can_be_taken_again(tmp_path: Path) -> None:
    turn = WriteTurn(tmp_path / "a.db", 5.0)

    def descriptors() -> int:
        return sum(
            link.resolve().name == "a.db.writelock" for link in Path("/proc/self/fd").iterdir()
        )

    with turn.held():
        assert descriptors() == 1
    turn.close()
    turn.close()
    assert descriptors() == 0

    with turn.held():
        assert descriptors() == 1
    turn.close()
