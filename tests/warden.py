"""Runs one server for as long as its own standard input stays open; nothing about tests lives here.

Started as a program: ``python warden.py FOLDER SIGNAL USER COMMAND...``. The other end of the pipe
belongs to the test run. However that ends, even by SIGKILL, the pipe closes, the server is stopped
and FOLDER is removed, so that no server outlives its run.
"""

import os
import select
import shutil
import signal
import subprocess
import sys

#: How long a server may take to stop before it is killed. Both need well under one.
STOPPING_S = 10.0


def watch(folder: str, stop_signal: int, user: int | None, command: list[str]) -> int:
    """Return the server's exit code after it ended, or was stopped by any input or its end."""
    server = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    while server.poll() is None:
        told, _, _ = select.select([sys.stdin], [], [], 0.1)
        if told:
            _stop(server, stop_signal)
            shutil.rmtree(folder, ignore_errors=True)
    return server.returncode


def _stop(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    server.send_signal(stop_signal)
    try:
        server.wait(STOPPING_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    # Ctrl-C reaches the whole terminal; the end of the input decides, not the signal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    folder, stop_signal, user, *command = sys.argv[1:]
    sys.exit(
        watch(folder, signal.Signals[stop_signal], None if user == "-" else int(user), command)
    )
