"""The demo's database: filled once, kept in .demo, made anew when it is older than a day."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import secrets
import shutil
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask_jafsec.web.state import State

#: The person the token of the page belongs to, and the clients of its two keys.
PERSON = "ann"
CLIENT = "curl-lines"
SLOW_CLIENT = "curl-lines-slow"

#: After that the last 24 hours, which the console opens on, would be empty.
LASTS_S = 24 * 3600

#: Set to ``small`` for a few thousand events: for tests, and for the impatient.
SIZE = "DEMO_SIZE"

Shown = dict[str, Any]


def prepare(kept: Path, *, renew: bool = False) -> Shown:
    """Fill the database where that is due; return what the page shows.

    Args:
        kept: The demo's folder.
        renew: Give the administrator a new one-time password, whatever has become of the old one.
    """
    from chat_agent.app import create_app

    from flask_jafsec.web.extension import state_of

    with _held(kept) as may_remove:
        shown = _kept(kept)
        if shown is None or (may_remove and not _is_fresh(shown)):
            _remove_all(kept)
            set_environment(kept)
            state = state_of(create_app())
            shown = _filled(state, kept)
        else:
            print(
                f"The demo's data, made {_ago(shown)}, in .demo; made anew after a day.", flush=True
            )
            state = state_of(create_app())
        if renew:
            shown |= _new_password(state)
        _write_private(kept / "shown.json", json.dumps(shown))
        if not _is_good(state, shown.get("admin_password", "")):
            shown.pop("admin_password", None)
        _write_headers(state, kept, shown)
        state.services.trail.close()
    return shown


def set_environment(kept: Path) -> None:
    """Make folder and root key where they are missing, and tell the settings about them."""
    kept.mkdir(mode=0o700, exist_ok=True)
    keys = kept / "root-keys"
    if not keys.exists():
        from flask_jafsec.config.secrets import new_root_key

        _write_private(keys, new_root_key("demo1") + "\n")
    os.environ["JAFSEC_ROOT_KEYS_FILE"] = str(keys)
    os.environ["JAFSEC_DATABASE_URL"] = f"sqlite:///{kept / 'demo.sqlite3'}"
    os.environ["JAFSEC_APP_ID"] = "chat-agent-demo"
    os.environ.setdefault("JAFSEC_CONSOLE_NAME", "Fernhill Freight")
    os.environ["JAFSEC_SPOOL_DIR"] = str(kept / "spool")
    os.environ["JAFSEC_ANCHORS"] = f"log,file:{kept / 'anchors.log'}"
    # The console shows the events; as lines they would push the page out of sight.
    os.environ.setdefault("JAFSEC_LOG_ENABLED", "false")


def keep_for_server(kept: Path) -> None:
    """Hold the folder until this process, and whatever it becomes, has ended."""
    descriptor = os.open(kept / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.set_inheritable(descriptor, True)


# -- what is kept --


@contextmanager
def _held(kept: Path) -> Iterator[bool]:
    """Hold the folder; tell whether nobody serves from it, so that it may be emptied."""
    descriptor = os.open(kept / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
            return
        except BlockingIOError:
            pass
        # Another demo serves; or fills, and then this one waits for it.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield False
    finally:
        os.close(descriptor)


def _kept(kept: Path) -> Shown | None:
    """Return what an earlier start has shown; None where it was not finished or cannot be used."""
    from flask_jafsec.stores.schema import check

    try:
        shown = json.loads((kept / "shown.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    is_whole = isinstance(shown, dict) and "made_at" in shown
    is_current = check(os.environ["JAFSEC_DATABASE_URL"]).state == "current"
    return shown if is_whole and is_current else None


def _is_fresh(shown: Shown) -> bool:
    return bool(0 <= datetime.now(UTC).timestamp() - shown["made_at"] < LASTS_S)


def _ago(shown: Shown) -> str:
    minutes = int((datetime.now(UTC).timestamp() - shown["made_at"]) // 60)
    hours = minutes // 60
    number, unit = (hours, "hour") if hours else (minutes, "minute")
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def _remove_all(kept: Path) -> None:
    for path in kept.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


# -- filling --


def _filled(state: State, kept: Path) -> Shown:
    import lifelike

    size = lifelike.SMALL if os.environ.get(SIZE) == "small" else lifelike.DEMO
    print(
        f"Making the demo's data: {size.total:,} events and 40 API keys of an invented company.\n"
        f"Once a day, in less than half a minute; it is kept in {kept.name}.",
        flush=True,
    )
    # Nothing of it is garbage before the end; looking for some takes a quarter of the time.
    gc.disable()
    lifelike.fill(state, datetime.now(UTC), size=size, progress=_show_progress)
    gc.enable()
    return {**_people_and_keys(state), "made_at": datetime.now(UTC).timestamp()}


def _show_progress(done: int, of: int) -> None:
    if sys.stdout.isatty():
        end = "\n" if done >= of else ""
        print(f"\r  {done:,} of {of:,} events", end=end, flush=True)


def _people_and_keys(state: State) -> Shown:
    from flask_jafsec.identity.permissions import Actor

    demo = Actor.operator("demo")
    person = state.users.create(PERSON, by=demo, password=secrets.token_urlsafe(9))
    state.roles.grant(person.user.id, "admin", by=demo)
    key = state.keys.mint(CLIENT, scopes=["chat:basic"], by=demo)
    slow = state.keys.mint(SLOW_CLIENT, scopes=["chat:basic"], by=demo, rate="3/minute")
    admin = state.users.create("admin", by=demo)
    state.roles.grant(admin.user.id, "jafsec_admin", by=demo)
    return {
        "person_id": person.user.id,
        "key": key.secret,
        "slow_key": slow.secret,
        "admin_password": admin.one_time_password,
    }


def _new_password(state: State) -> Shown:
    from flask_jafsec.identity.permissions import Actor

    admin = state.users.find("admin")
    if admin is None:
        sys.exit("demo: there is no user called admin; remove .demo and say make demo")
    made = state.users.reset_password(admin.id, by=Actor.operator("demo"))
    return {"admin_password": made.one_time_password}


def _is_good(state: State, password: str) -> bool:
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


def _write_headers(state: State, kept: Path, shown: Shown) -> None:
    """Write what curl sends into files, so that no secret stands in a list of processes."""
    # The database lasts, an access token does not: every start writes a fresh one.
    pair = state.tokens.issue(shown["person_id"], by="demo", lifetime_s=LASTS_S)
    # Another sign-in: replaying its refresh token ends it, and the first one is to live on.
    replayed = state.tokens.issue(shown["person_id"], by="demo")
    key = shown["key"]
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    for name, text in {
        "token": f"Authorization: Bearer {pair.access}\n",
        "wrong-key": f"X-API-Key: {wrong}\n",
        "slow-key": f"X-API-Key: {shown['slow_key']}\n",
        "refresh": json.dumps({"refresh_token": replayed.refresh}),
    }.items():
        _write_private(kept / name, text)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
