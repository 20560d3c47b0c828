"""Errors for the people who configure, operate and program: nothing a caller sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class JafsecError(Exception):
    """The root of every error here. ``code`` is stable and meant for programs."""

    code = "jafsec_error"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration; never holds a secret's value."""

    key: str
    what: str
    instead: str

    def __str__(self) -> str:
        """Return the three in one line."""
        return f"{self.key}: {self.what}. {self.instead}"


class SettingsError(JafsecError):
    """The configuration cannot be used; ``problems`` lists everything that is wrong with it."""

    code = "settings_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} problem(s) in the configuration:\n{listed}")


class PartMissing(JafsecError):
    """A declaration asks for something this release cannot do yet; ``part`` names the part."""

    code = "part_missing"

    def __init__(self, argument: str, part: str) -> None:
        self.argument = argument
        self.part = part
        super().__init__(
            f"{argument!r} needs the part '{part}', which is not in this release. "
            f"Leave {argument!r} out; it is refused so that nothing looks protected and is not."
        )


class DeclarationError(JafsecError):
    """A route or plug-in was declared in a way that cannot mean anything safe."""

    code = "declaration_invalid"


class InvalidValue(JafsecError, ValueError):
    """A service was given a value it cannot accept. ``field`` names it, the value is not kept."""

    code = "invalid_value"

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class NotFound(JafsecError, LookupError):
    """What was named does not exist. ``kind`` is 'key', 'role', 'user', ..."""

    code = "not_found"

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        super().__init__(f"no such {kind}: {name}")


class Conflict(JafsecError):
    """The change cannot be made to what stands there now (exists already, is in use, is last)."""

    code = "conflict"


class GrantExceeded(JafsecError):
    """Somebody tried to give away more than they hold; ``missing`` lists what they lack."""

    code = "grant_exceeded"

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(sorted(missing))
        super().__init__("the granter does not hold: " + ", ".join(self.missing))


class Busy(JafsecError):
    """Too much costly work waits already (password hashing); try again in ``retry_after_s``."""

    code = "busy"

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"busy; try again in {retry_after_s} s")


class StoreUnavailable(JafsecError):
    """A database or shared store did not answer, or its answer is too old to be trusted."""

    code = "store_unavailable"


class StoreDamaged(StoreUnavailable):
    """The database answers, but a table or a row is not as we made it; the message says which."""

    code = "store_damaged"


class CommitUnknown(StoreUnavailable):
    """The connection died while committing: what was written may or may not be kept."""

    code = "commit_unknown"


class AuditUnavailable(StoreUnavailable):
    """What happened could not be written down durably, so it is not answered as done."""

    code = "audit_unavailable"


class KeyUnavailable(JafsecError):
    """A value was sealed under a root key that is not configured; ``root_id`` names it."""

    code = "key_unavailable"

    def __init__(self, root_id: str) -> None:
        self.root_id = root_id
        super().__init__(f"the root key {root_id!r} is not in JAFSEC_ROOT_KEYS any more")


class SealBroken(JafsecError):
    """A sealed value was changed, moved, or sealed under another key. It is never returned."""

    code = "seal_broken"


class SchemaOutdated(StoreUnavailable):
    """The database stands at another schema than this code; the message names the command."""

    code = "schema_outdated"


class SinkFull(JafsecError):
    """A sink cannot take another event at once."""

    code = "sink_full"
