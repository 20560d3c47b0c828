"""JSON that is nested too deep to read is bad input, not a crash."""

from __future__ import annotations

from typing import Any

from flask import Flask


def refuse_too_deep(app: Flask) -> None:
    """Make ``request.get_json`` answer 400 where the parser gives up on the depth.

    Python's parser raises RecursionError for a body of a thousand brackets, which Flask does not
    expect: two kilobytes from anybody would be a 500 in every view that reads JSON.
    """
    provider = app.json
    loads = provider.loads

    def loads_or_refuse(s: str | bytes, **kwargs: Any) -> Any:
        try:
            return loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    provider.loads = loads_or_refuse  # type: ignore[method-assign]
