"""Values nobody should hand to a log, and somebody will."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum, StrEnum
from typing import Any, NoReturn

from hypothesis import strategies as st


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 7


class Hostile:
    """Raises whatever it is asked."""

    def _refuse(self, *_: object) -> NoReturn:
        raise ValueError("no")

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = _refuse


class Liar(Hostile):
    """Does not even say what it is."""

    @property
    def __class__(self) -> type[Any]:
        self._refuse()

    @__class__.setter
    def __class__(self, kind: type[Any]) -> None:
        raise TypeError(kind)


class Quitter:
    """Ends whoever asks it for anything: not an ``Exception``."""

    def _quit(self, *_: object) -> NoReturn:
        raise SystemExit(3)

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = _quit


class Interrupter:
    def _interrupt(self, *_: object) -> NoReturn:
        raise KeyboardInterrupt

    __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = _interrupt


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError("no")

    __len__ = isascii = encode = __str__  # type: ignore[assignment]


class HostileNumber(int):
    def __abs__(self) -> NoReturn:
        raise ValueError("no")

    __int__ = __index__ = __repr__ = __abs__


class HostileMapping(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise ValueError("no")

    def __len__(self) -> int:
        return 2**62


class Endless(dict[int, int]):
    """Says it is larger than anything."""

    def __len__(self) -> int:
        return 2**62


def circle() -> object:
    inside: list[object] = []
    inside.append({"self": inside})
    return inside


class HostileType(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override] # it is writeable in an ordinary type
        raise ValueError("no")


class OfHostileType(metaclass=HostileType):
    pass


ODD_TYPE = type("x" * 500, (), {})

HOSTILE = (
    Hostile(),
    HostileText("text"),
    HostileNumber(7),
    HostileMapping(),
    Endless({1: 1}),
    ODD_TYPE(),
    circle(),
    {Hostile: Hostile()},
    {HostileText("name"): 1},
    [[[[[[[[1]]]]]]]],
    2**20_000,
    -(2**53),
    float("nan"),
    float("-inf"),
    b"\xff" * 100,
    bytearray(3),
    memoryview(b"x"),
    "\ud83d",
    "\udc00\ud800",
    "\x00\x1b[31m\u202e\u2028",
    object,
    print,
    {"a": {1, 2.5, "x", None, b"y", (3,)}},
)

#: Also what hypothesis itself cannot carry.
WORST = (
    *HOSTILE,
    Liar(),
    OfHostileType(),
    Quitter(),
    Interrupter(),
    {"a": Quitter()},
    Colour.RED,
    Level.HIGH,
    -1,
    "",
    None,
    "text",
)

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=30),
        st.binary(max_size=5),
        st.integers(0, len(HOSTILE) - 1).map(HOSTILE.__getitem__),
        st.sampled_from([Colour.RED, Level.HIGH]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(st.text(st.characters()), st.integers()), inner, max_size=4),
    ),
    max_leaves=12,
)
