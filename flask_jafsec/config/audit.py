"""The audit log's part of the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask_jafsec.config.parsing import matching, one_of, refuse, several
from flask_jafsec.config.settings import AuditSettings
from flask_jafsec.config.sources import Sources
from flask_jafsec.events import EventClass

if TYPE_CHECKING:
    from flask_jafsec.audit.sinks.places import Place

#: Folders and files beside the default database.
SPOOL_FOLDER: Final = "jafsec-spool"
ANCHOR_FILE: Final = "jafsec-anchors.log"

#: What may wait for the disk, from least to most.
WAITS: Final = {
    "changes": (EventClass.CHANGE,),
    "refusals": (EventClass.CHANGE, EventClass.REFUSAL),
    "all": tuple(EventClass),
}

_ANCHORS: Final = "Write log, file:/path/to/anchors.log, or both, separated by commas."

#: The log's name begins with it, and a name of a signed note has neither spaces nor "+".
#: Source: C2SP signed-note.
public_host = matching(
    r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?",
    "the host the application is known by, such as shop.example.com",
)


def audit(sources: Sources, app_id: str, folder: str) -> AuditSettings:
    """Return how the log is kept; relative paths are taken from *folder*."""
    host = sources.take("JAFSEC_PUBLIC_HOST", public_host, "localhost")
    waits = sources.take("JAFSEC_AUDIT_WAIT", one_of(tuple(WAITS)), "changes")
    default = ("log", f"file:{Path(folder) / ANCHOR_FILE}")
    return AuditSettings(
        host=host,
        origin=f"{host}/{app_id}/audit/1",
        waits=WAITS[waits],
        spool_folder=sources.take(
            "JAFSEC_SPOOL_DIR", _folder_in(folder), str(Path(folder) / SPOOL_FOLDER)
        ),
        anchors=sources.take("JAFSEC_ANCHORS", _anchors_in(folder), default),
        exports=_exports(sources, folder),
    )


def _exports(sources: Sources, folder: str) -> tuple[Place, ...]:
    # Loaded where somebody exports: sockets, TLS and HTTP cost a tenth of a second.
    if sources.find("JAFSEC_AUDIT_EXPORTS") is None and not sources.find(
        "JAFSEC_AUDIT_EXPORT_TOKEN"
    ):
        return ()
    from flask_jafsec.config.audit_exports import exports

    return exports(sources, folder)


def _folder_in(folder: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise refuse("is not a folder", "Write a path, or nothing to keep no journal.")
        return str(Path(folder) / value) if value else ""

    return parse


def _anchors_in(folder: str) -> Callable[[object], tuple[str, ...]]:
    def parse(value: object) -> tuple[str, ...]:
        return tuple(_anchor(text, folder) for text in several(value))

    return parse


def _anchor(text: object, folder: str) -> str:
    if text == "log":
        return "log"
    kind, _, path = text.partition(":") if isinstance(text, str) else ("", "", "")
    if kind != "file" or not path or "\0" in path:
        raise refuse("names an anchor that is not known", _ANCHORS)
    return f"file:{Path(folder) / path}"
