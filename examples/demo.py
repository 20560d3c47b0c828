"""`make demo`: fills a database once, prints curl lines, serves the chat agent and the console."""

from __future__ import annotations

import errno
import os
import re
import socket
import sys
from pathlib import Path

import demo_data

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".demo"

HOST = "127.0.0.1"

#: Said after the program's name: makes the administrator a new one-time password.
NEW_PASSWORD = "new-password"

#: Said after the program's name: verifies the audit log, from first event to last.
VERIFY = "verify"

#: Said before any command of the command line, for the demo's database.
JAFSEC = "jafsec"

#: How the shell calls a program that Ctrl-C has ended.
INTERRUPTED = 130


def main() -> None:
    """Prepare, print, serve."""
    words = sys.argv[1:]
    if words[:1] != [JAFSEC] and words not in ([], [VERIFY], [NEW_PASSWORD]):
        known = f"'{VERIFY}', '{NEW_PASSWORD}' or '{JAFSEC} ...'"
        sys.exit(f"demo: say nothing, {known} after demo.py")
    try:
        if words[:1] == [JAFSEC]:
            command(words)
        elif words == [VERIFY]:
            command([JAFSEC, "audit", "verify"])
        elif words == [NEW_PASSWORD]:
            demo_data.set_environment(KEPT)
            print(demo_data.prepare(KEPT, renew=True)["admin_password"])
        else:
            _serve_at(_port())
    except KeyboardInterrupt:
        print("\ndemo: stopped. The next start makes the data anew.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _serve_at(port: int) -> None:
    _require_free(port)
    demo_data.set_environment(KEPT)
    shown = demo_data.prepare(KEPT)
    print(page(shown, f"http://{HOST}:{port}"), flush=True)
    serve(port)


def page(shown: demo_data.Shown, address: str) -> str:
    """Return what is printed at the start; no line is longer than 80 characters."""
    if "admin_password" in shown:
        sign_in = [
            f"  Sign in as    admin, password {shown['admin_password']}",
            "                (works for 24 hours, to be changed at the first sign-in)",
        ]
    else:
        sign_in = [
            "  Sign in as    admin, with the password you chose. For a new one:",
            f"                .venv/bin/python examples/demo.py {NEW_PASSWORD}",
        ]
    sent = "      -H 'Content-Type: application/json' -d '{\"message\": \"hello\"}'"
    quiet = r"curl -s -o /dev/null -w '%{http_code}\n'"
    lines = [
        "",
        f"  Console       {address}/security",
        *sign_in,
        f"  Chat agent    {address}/chat",
        "",
        "  To be tried in a second terminal, in this folder:",
        "",
        "  Good: a person with an access token (200):",
        f"    curl -i {address}/chat -H @.demo/token \\\n{sent}",
        "",
        "  Bad: an API key with one wrong letter (401):",
        f"    curl -i {address}/chat -H @.demo/wrong-key \\\n{sent}",
        "",
        "  Missing: nobody says who they are (401):",
        f"    curl -i {address}/chat \\\n{sent}",
        "",
        "  Over the limit: a key for 3 calls a minute is used 6 times (200, then 429):",
        f"    {quiet} \\",
        f"      '{address}/chat?[1-6]' -H @.demo/slow-key \\\n{sent}",
        "",
        "  Replayed: a refresh token is used twice (200, then 401, and it is ended):",
        f"    {quiet} \\",
        f"      '{address}/auth/refresh?[1-2]' \\",
        "      -H 'Content-Type: application/json' -d @.demo/refresh",
        "",
        "  Is the audit log intact?",
        f"    .venv/bin/python examples/demo.py {VERIFY}",
        "",
        "  Stop with Ctrl-C. The data stays in .demo; remove that folder to start anew.",
        "",
    ]
    return "\n".join(lines)


def command(words: list[str]) -> None:
    """Become ``flask jafsec ...`` for the demo's database."""
    if not (KEPT / "shown.json").exists():
        sys.exit("demo: there is no data yet. Say make demo first.")
    demo_data.set_environment(KEPT)
    os.chdir(ROOT / "examples")
    flask = [sys.executable, "-m", "flask", "--app", "chat_agent.app:create_app"]
    os.execv(sys.executable, [*flask, *words])  # noqa: S606 - no shell


def serve(port: int) -> None:
    """Become a gunicorn: one process, because each would count its limits for itself."""
    demo_data.keep_for_server(KEPT)
    arguments = [
        sys.executable,
        *("-m", "gunicorn", "--chdir", str(ROOT / "examples"), "--log-level", "warning"),
        *("--bind", f"{HOST}:{port}", "--workers", "1", "--threads", "8"),
        "chat_agent.app:create_app()",
    ]
    try:
        os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter, no shell
    except OSError as error:
        sys.exit(f"demo: gunicorn could not be started: {error}")


def _port() -> int:
    text = os.environ.get("PORT", "8000")
    # Not isdigit: it takes digits of other scripts and exponents, which int then refuses.
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65_535:
        sys.exit(f"demo: PORT must be a number from 1 to 65535, such as 8000, not {text!a}")
    return int(text)


def _require_free(port: int) -> None:
    """End with advice where nobody can listen at *port*: better now than after the filling."""
    fault = _fault_at(port)
    if fault is None:
        return
    busy = fault.errno == errno.EADDRINUSE
    what = "is taken, perhaps by an earlier demo" if busy else f"cannot be used ({fault.strerror})"
    nearby = range(max(port, 1_024) + 1, min(max(port, 1_024) + 100, 65_536))
    other = next((near for near in nearby if _fault_at(near) is None), 8_000)
    sys.exit(f"demo: {HOST}:{port} {what}.\nSay another port: make demo PORT={other}")


def _fault_at(port: int) -> OSError | None:
    """Return why nobody can listen at *port*, None where somebody can."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
        try:
            listener.bind((HOST, port))
        except OSError as error:
            return error
    return None


if __name__ == "__main__":
    main()
