"""The message that a signature is about, as it was received; nothing is decoded or put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: Ports that are left out of an authority. Source: RFC 9110 sections 4.2.1 and 4.2.2.
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or with a ``status`` the response to one."""

    method: str = ""
    scheme: str = "https"
    host: str = ""
    """The Host field, or the authority of the target."""
    path: str = "/"
    """Raw: percent signs as they were sent."""
    query: str | None = None
    """Raw, without the question mark; None where there is none."""
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names in lower case; a value for each line."""
    status: int | None = None
    request: Message | None = None
    """What a response answers."""

    @property
    def authority(self) -> str:
        """The host in lower case, without its scheme's default port (RFC 9421 section 2.2.3)."""
        return self.host.lower().removesuffix(_DEFAULT_PORTS.get(self.scheme, "\0"))

    @property
    def target(self) -> str:
        """The target in origin form: path and query (RFC 9110 section 7.1)."""
        return self.path + ("" if self.query is None else f"?{self.query}")
