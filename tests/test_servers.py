"""The servers of the tests are real; each test finds them empty."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from tests.servers import ServerFailed, running, start_under_warden, start_valkey


@pytest.mark.parametrize("round_", ["first", "second"])
def test_postgres_answers_and_is_empty(postgres_url: str, round_: str) -> None:
    engine = sa.create_engine(postgres_url)
    notes = sa.Table("notes", sa.MetaData(), sa.Column("text", sa.Text))

    with engine.begin() as connection:
        notes.create(connection)  # fails if the other round's table were still there
        connection.execute(notes.insert().values(text="ä"))
        kept = connection.execute(sa.select(notes.c.text)).scalar_one()
        version = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
    engine.dispose()

    assert kept == "ä"
    assert int(version) >= 180000


@pytest.mark.parametrize("round_", ["first", "second"])
def test_valkey_counts_and_is_empty(valkey_url: str, valkey_prefix: str, round_: str) -> None:
    storage = storage_from_string(valkey_url, key_prefix="the same in both rounds")
    limiter = MovingWindowRateLimiter(storage)

    allowed = [limiter.hit(RateLimitItemPerMinute(2), "ann") for _ in range(3)]

    assert allowed == [True, True, False]


def test_sqlite_answers(sqlite_url: str) -> None:
    engine = sa.create_engine(sqlite_url)

    with engine.connect() as connection:
        assert connection.execute(sa.select(1)).scalar_one() == 1
    engine.dispose()


def test_a_stopped_server_leaves_nothing_behind() -> None:
    server = start_valkey()
    with running(server):
        assert server.socket_path.exists()

    assert not server.folder.exists()
    assert server.warden.returncode is not None


def test_a_server_that_ends_at_once_is_reported_with_its_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no room left; exit 1"]
    server = start_under_warden(tmp_path, tmp_path / "socket", "SIGTERM", None, command)

    with pytest.raises(ServerFailed, match="no room left"), running(server):
        pass


def test_a_server_does_not_outlive_a_killed_run() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    with owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().decode().strip())
        assert folder.exists()

        owner.kill()

    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)  # nothing tells when somebody else's grandchild ends
    assert not folder.exists()


_OWNER = """
import time
from tests.servers import running, start_valkey
server = start_valkey()
with running(server):
    print(server.folder, flush=True)
    time.sleep(600)
"""
