"""Events as JSON lines on the process's log, by cursor: each of them once, from the log itself.

``log_line.py`` writes while things happen and loses what happens in a crash; this one does not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.audit.sinks.target import TargetFailed


class LogStream:
    """Writes each record as one line.

    Args:
        stream: Where to; standard error when left out, looked up at each write.
    """

    name = "log:"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, records: Sequence[ExportRecord]) -> None:
        """Write *records* and flush. Raises TargetFailed."""
        stream = self._stream or sys.stderr
        try:
            # One call: what other threads write may stand between batches, never inside a line.
            stream.write("".join(f"{record.line}\n" for record in records))
            stream.flush()
        except (OSError, ValueError) as error:
            raise TargetFailed(f"the stream cannot be written: {type(error).__name__}") from error
