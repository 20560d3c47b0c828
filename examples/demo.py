"""`make demo`: prepares a small database once, prints curl lines, serves the chat agent."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".demo"

#: The person the printed token belongs to, and the client the printed key belongs to.
PERSON = "ann"
CLIENT = "nightly-report"


#: Said after the program's name: makes the administrator a new one-time password.
NEW_PASSWORD = "new-password"

#: Said after the program's name: verifies the audit log, from first event to last.
VERIFY = "verify"


def main() -> None:
    """Prepare, print, serve."""
    port = _port()
    _set_environment()
    if sys.argv[1:] == [VERIFY]:
        verify()
    sys.path.insert(0, str(ROOT / "examples"))
    shown = prepare(renew=sys.argv[1:] == [NEW_PASSWORD])
    if sys.argv[1:] == [NEW_PASSWORD]:
        print(shown["admin_password"])
        return
    print(page(shown, f"http://127.0.0.1:{port}"), flush=True)
    serve(port)


def prepare(*, renew: bool = False) -> dict[str, str]:
    """Make keys, database, people and an API key where they are missing; return what to print.

    Args:
        renew: Give the administrator a new one-time password, whatever has become of the old one.
    """
    from chat_agent.app import create_app

    app = create_app()
    from flask_jafsec.web.extension import state_of

    state = state_of(app)
    kept = KEPT / "shown.json"
    shown: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    if not shown:
        shown = _fill(state)
        _write_private(kept, json.dumps(shown))
    if renew:
        shown = _renewed(state, shown)
        _write_private(kept, json.dumps(shown))
    if not _is_good(state, shown.get("admin_password", "")):
        shown.pop("admin_password", None)
    # The database lasts, an access token does not: every start prints a fresh one.
    pair = state.tokens.issue(shown["person_id"], by="demo", lifetime_s=24 * 3600)
    state.services.trail.close()
    return {**shown, "token": pair.access}


def _fill(state: Any) -> dict[str, str]:
    from flask_jafsec.errors import Conflict
    from flask_jafsec.identity.permissions import Actor

    demo = Actor.operator("demo")
    password = secrets.token_urlsafe(9)
    person = state.users.create(PERSON, by=demo, password=password)
    state.roles.grant(person.user.id, "admin", by=demo)
    minted = state.keys.mint(CLIENT, scopes=["chat:basic"], by=demo, rate="60/minute")
    shown = {"person_id": person.user.id, "password": password, "key": minted.secret}
    try:
        admin = state.users.create("admin", by=demo)
    except Conflict:
        return shown
    state.roles.grant(admin.user.id, "jafsec_admin", by=demo)
    return {**shown, "admin_password": admin.one_time_password}


def _renewed(state: Any, shown: dict[str, str]) -> dict[str, str]:
    from flask_jafsec.identity.permissions import Actor

    admin = state.users.find("admin")
    made = state.users.reset_password(admin.id, by=Actor.operator("demo"))
    return {**shown, "admin_password": made.one_time_password}


def _is_good(state: Any, password: str) -> bool:
    """Return whether the administrator can still sign in with this one-time password."""
    from flask_jafsec.errors import PasswordWrong
    from flask_jafsec.identity.passwords import Passwords

    admin = state.users.find("admin")
    if admin is None or not admin.must_change or admin.password_ends_at is None:
        return False
    try:
        # Not by signing in, which would be recorded as somebody's attempt.
        Passwords().verify(admin.password_hash, password)
    except PasswordWrong:
        return False
    return bool(state.services.clock.now() < admin.password_ends_at)


def page(shown: dict[str, str], address: str) -> str:
    """Return what is printed at the start."""
    lines = [
        "",
        f"  Chat agent   {address}/chat",
        f"  Console      {address}/security",
    ]
    if "admin_password" in shown:
        lines += [
            "               sign in as admin with the one-time password " + shown["admin_password"],
            "               (24 hours, to be changed at the first sign-in)",
        ]
    else:
        lines += [
            "               sign in as admin with the password that was chosen; for a new one:",
            f"               .venv/bin/python examples/demo.py {NEW_PASSWORD}",
        ]
    chat = f"{address}/chat -H 'Content-Type: application/json' -d '{{\"message\": \"hello\"}}'"
    lines += [
        "",
        "  A person with an access token:",
        f"    curl -i {chat} \\\n      -H 'Authorization: Bearer {shown['token']}'",
        "",
        "  A client with an API key:",
        f"    curl -i {chat} \\\n      -H 'X-API-Key: {shown['key']}'",
        "",
        "  Nobody:",
        f"    curl -i {chat}",
        "",
        "  Is the audit log intact?",
        f"    .venv/bin/python examples/demo.py {VERIFY}",
        "",
        "  Stop with Ctrl-C. The data stays in .demo; remove that folder to start anew.",
        "",
    ]
    return "\n".join(lines)


def verify() -> None:
    """Become ``flask jafsec audit verify`` for the demo's log."""
    os.environ["JAFSEC_LOG_ENABLED"] = "false"
    os.chdir(ROOT / "examples")
    words = ["--app", "chat_agent.app:create_app", "jafsec", "audit", "verify"]
    os.execv(sys.executable, [sys.executable, "-m", "flask", *words])  # noqa: S606 - no shell


def serve(port: int) -> None:
    """Become a gunicorn with two processes of four threads."""
    arguments = [
        sys.executable,
        *("-m", "gunicorn", "--chdir", str(ROOT / "examples")),
        *("--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"),
        "chat_agent.app:create_app()",
    ]
    try:
        os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter, no shell
    except OSError as error:
        sys.exit(f"demo: gunicorn could not be started: {error}")


def _port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdigit() or not 1 <= int(text) <= 65_535:
        sys.exit(f"demo: PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


def _set_environment() -> None:
    KEPT.mkdir(mode=0o700, exist_ok=True)
    keys = KEPT / "root-keys"
    if not keys.exists():
        from flask_jafsec.config.secrets import new_root_key

        _write_private(keys, new_root_key("demo1") + "\n")
    os.environ["JAFSEC_ROOT_KEYS_FILE"] = str(keys)
    os.environ["JAFSEC_DATABASE_URL"] = f"sqlite:///{KEPT / 'demo.sqlite3'}"
    os.environ["JAFSEC_APP_ID"] = "chat-agent-demo"
    os.environ["JAFSEC_SPOOL_DIR"] = str(KEPT / "spool")
    os.environ["JAFSEC_ANCHORS"] = f"log,file:{KEPT / 'anchors.log'}"


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
