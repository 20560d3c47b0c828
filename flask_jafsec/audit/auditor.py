#!/usr/bin/env python3
"""Checks an exported audit log, or a proof from it, without trusting whoever keeps the log.

    python3 auditor.py proof FILE --vkey KEY [--anchor NOTES]...
    python3 auditor.py consistency FILE --vkey KEY [--anchor NOTES]...
    python3 auditor.py log FILE... --vkey KEY [--anchor NOTES]...

Copy this one file anywhere with Python 3.8 or newer: nothing to install, no secret. It needs the
log's verifier key, learnt from elsewhere than the log; NOTES are signed checkpoints that somebody
else kept: without those, a log cut short or signed anew looks right.
Exit codes: 0 OK, 1 tampered, 2 incomplete or not verifiable, 3 wrong usage. It shares nothing with
what writes the log, on purpose, and is short enough to be read first; tests hold the two together.
Sources: RFC 8032 (Ed25519), RFC 9162 section 2.1 (tree), C2SP signed-note and tlog-proof.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections.abc import Sequence
from hashlib import sha256, sha512
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Keys = Sequence[tuple[str, bytes, bytes]]  # name, id, public key
    Checkpoints = Sequence[tuple[str, int, bytes]]  # origin, size, root

TAMPERED, UNVERIFIABLE, USAGE = 1, 2, 3
EMPTY = sha256(b"").digest()
MAX_SIZE, MAX_NOTE, MAX_LINE = 2**63 - 1, 64 * 1024, 256 * 1024
B64, NUMBER = "[A-Za-z0-9+/]", "0|[1-9][0-9]{0,18}"
SIGNATURE = f"\u2014 ([^\\s+]+) ({B64}{{7,}}={{0,2}})\n"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
KEY = re.compile(rf"([^\s+]+)\+([0-9a-f]{{8}})\+({B64}{{44}})")
NOTE = re.compile(f"([^\n]+)\n({NUMBER})\n({B64}{{43}}=)\n\n((?:{SIGNATURE}){{1,16}})")
NOTES = re.compile("(?:[^\n]+\n){3}\n(?:\u2014[^\n]+\n)+")
PATH = f"((?:{B64}{{43}}=\n){{0,64}})\n"
PROOF = f"c2sp[.]org/tlog-proof@v1\nextra ({B64}*={{0,2}})\nindex ({NUMBER})\n{PATH}([^\\0]+)"
GROWTH = f"flask-jafsec/consistency@v1\n{PATH}({NOTES.pattern})\n([^\\0]+)"
BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)  # what foreign texts may raise

# Ed25519: verification only, of public values only, so the time it takes reveals nothing.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a: Sequence[int], b: Sequence[int]) -> Sequence[int]:
    """Return the sum of two points in extended coordinates (RFC 8032 section 5.1.4)."""
    minus, plus = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d, e, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P, plus - minus, plus + minus
    return e * (d - c) % P, (d + c) * h % P, (d - c) * (d + c) % P, e * h % P


def point(raw: bytes) -> Sequence[int]:
    """Return the point that 32 bytes encode, or raise ValueError (RFC 8032 section 5.1.3)."""
    y, odd = int.from_bytes(raw, "little") % 2**255, raw[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and odd):
        raise ValueError("not the encoding of a point")
    x = x if x % 2 == odd else P - x
    return x, y, 1, x * y % P


NEUTRAL: Sequence[int] = (0, 1, 1, 0)
BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether Ed25519 verifies (RFC 8032 section 5.1.7, without the cofactor)."""
    (x, y, _, xy), s = point(public), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % L
    minus_key, total = (P - x, y, 1, P - xy), NEUTRAL
    choices = (NEUTRAL, BASE, minus_key, add(BASE, minus_key))
    for bit in range(252, -1, -1):
        total = add(add(total, total), choices[(s >> bit & 1) + 2 * (k >> bit & 1)])
    x, y = (one * pow(total[2], -1, P) % P for one in total[:2])
    return (y | x % 2 << 255).to_bytes(32, "little") == signature[:32]


class Problem(Exception):
    """Ends a check; its arguments are the exit code and what was found."""


def _unbase64(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def read_key(text: str) -> tuple[str, bytes, bytes]:
    """Return a verifier key, or raise ValueError, also for one that anybody can sign for."""
    found = KEY.fullmatch(text)
    if not found or CONTROL.search(text):
        raise ValueError("not a verifier key: name+id+base64")
    raw = _unbase64(found[3])
    eightfold, identity = point(raw[1:]), sha256(found[1].encode() + b"\n" + raw).digest()[:4]
    for _ in range(3):
        eightfold = add(eightfold, eightfold)
    if raw[0] != 1 or identity.hex() != found[2] or eightfold[0] == 0:
        raise ValueError("not a proper Ed25519 verifier key")
    return found[1], identity, raw[1:]


def open_checkpoint(note: str, keys: Keys) -> tuple[str, int, bytes]:
    """Return origin, size and root from a note that the log it names has signed."""
    found = NOTE.fullmatch(note) if len(note.encode()) <= MAX_NOTE else None
    if not found or CONTROL.search(note) or int(found[2]) > MAX_SIZE:
        raise ValueError("not a signed checkpoint")
    text, signed = note[: found.start(4) - 1].encode(), set()
    lines = [(name, _unbase64(raw)) for name, raw in re.findall(SIGNATURE, found[4])]
    for name, raw in lines:
        for public in (key[2] for key in keys if key[:2] == (name, raw[:4])):
            if not signature_holds(public, text, raw[4:]):
                raise Problem(TAMPERED, "SIGNATURE of a checkpoint does not hold")
            signed.add(name)
    if found[1] not in signed:
        raise Problem(UNVERIFIABLE, "SIGNATURE of a checkpoint is not by the key given")
    return found[1], int(found[2]), _unbase64(found[3])


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _climb(count: int, size: int, path: Any, known: Any, single: bool) -> tuple[bytes, bytes]:
    # The roots of the first `count` and of all `size` leaves. `known` is the hash of the last of
    # the `count` leaves when `single`, else of all of them; the others come from the path's end.
    if size == 1 or (count == size and not single):
        reached = path.pop() if known is None else known
        return reached, reached
    left, beside = 1 << ((size - 1).bit_length() - 1), path.pop()
    if count <= left:
        old, new = _climb(count, left, path, known, single)
        return old, _node(new, beside)
    old, new = _climb(count - left, size - left, path, known if single else None, single)
    return _node(beside, old), _node(beside, new)


def parse_event(envelope: bytes) -> Any:
    """Return the event that canonical JSON writes down, or raise one of BROKEN."""
    event = json.loads(envelope.decode())
    again = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    kinds = {type(event[name]) for name in ("w", "prev", "log", "id", "type", "ts")}
    if again.encode() != envelope or type(event["n"]) is not int or kinds != {str}:
        raise ValueError("not a canonical event")
    return event


def _say(text: str) -> None:
    sys.stdout.write(re.sub("[^\n -~]", "?", text) + "\n")  # nothing that could steer a terminal


def _parts(pattern: str, name: str) -> tuple[str, ...]:
    if found := re.fullmatch(pattern, Path(name).read_bytes().decode()):
        return found.groups()
    raise ValueError("the file does not have the form of such a proof")


def check_proof(names: Sequence[str], keys: Keys, anchors: Checkpoints) -> str:
    """Return what is proven, after printing the event that the proof carries."""
    extra, number, hashes, note = _parts(PROOF, names[0])
    origin, size, root = open_checkpoint(note, keys)
    index, envelope, path = int(number), _unbase64(extra), [*map(_unbase64, hashes.split())]
    leaf = sha256(b"\x00" + envelope).digest()
    for kept in anchors:
        if kept[1] == size and kept != (origin, size, root):
            raise Problem(TAMPERED, f"FORK an anchor at {size} is another than this checkpoint")
    if anchors and (origin, size, root) not in anchors:
        raise Problem(UNVERIFIABLE, f"ANCHOR: none at {size}, where this checkpoint is")
    if index >= size or _climb(index + 1, size, path, leaf, True)[1] != root or path:
        raise Problem(TAMPERED, f"LEAF {index} under this checkpoint is another event")
    event = parse_event(envelope)
    if event["log"] != origin:
        raise Problem(TAMPERED, f"LEAF {index} is an event of another log")
    _say(json.dumps(event, indent=2))
    return f"leaf {index} under the checkpoint at {size}"


def check_consistency(names: Sequence[str], keys: Keys, anchors: Checkpoints) -> str:
    """Return what is proven: nothing was changed or cut between two checkpoints."""
    hashes, *notes = _parts(GROWTH, names[0])
    older, newer = (open_checkpoint(note, keys) for note in notes)
    (_, old, old_root), (_, new, root), path = older, newer, [*map(_unbase64, hashes.split())]
    none = (EMPTY, root if new else EMPTY)
    roots = _climb(old, new, path, old_root, False) if 0 < old <= new else none
    if path or old > new or roots != (old_root, root) or older[0] != newer[0]:
        raise Problem(TAMPERED, f"FORK {new} leaves do not begin with the older {old}")
    for kept in anchors:
        if kept not in (older, newer):
            code = TAMPERED if kept[1] in (old, new) else UNVERIFIABLE
            raise Problem(code, f"ANCHOR at {kept[1]} is neither of these two checkpoints")
    return f"the first {old} of {new} leaves are unchanged"


class Log:
    """An exported log as far as it was read: the tree's edge and every writer's newest event."""

    def __init__(self, anchors: Checkpoints) -> None:
        self.size, self.whole, self.tampered = 0, True, False
        self.edge: list[bytes] = []
        self.writers: dict[str, tuple[int, str]] = {}  # newest n, its hash or nothing
        self.origins = {origin for origin, _, _ in anchors}
        self.ahead = [(size, root, "anchor") for _, size, root in anchors]  # not reached yet
        self.covered = {"checkpoint": 0, "anchor": 0}

    def report(self, text: str) -> None:
        """Print a finding."""
        self.tampered = True
        _say(text[:80])

    def read(self, name: str, keys: Keys) -> None:
        """Take in one exported file; it goes on where the one before ended."""
        with Path(name).open("rb") as stream:
            header = json.loads(stream.readline(MAX_LINE).decode())
            kinds = [type(header[name]) for name in ("checkpoint", "first", "size")]
            if kinds != [str, int, int]:
                raise ValueError("not the header of an exported log")
            origin, size, root = open_checkpoint(header["checkpoint"], keys)
            if [header["format"], header["origin"]] != ["flask-jafsec/log@v1", origin]:
                raise ValueError("not an exported log")
            if self.origins - {origin}:
                raise Problem(UNVERIFIABLE, "ANCHOR is of another log, or log of another anchor")
            if header["first"] != self.size or size < self.size:
                raise Problem(UNVERIFIABLE, f"INCOMPLETE no file goes on at leaf {self.size}")
            self.origins = {origin}
            self.ahead = sorted([*self.ahead, (size, root, "checkpoint")], reverse=True)
            self._compare()
            for line in iter(lambda: stream.readline(MAX_LINE), b""):
                self._take(line, origin)
                self._compare()
            if self.size < header["size"]:
                self.report(f"TRUNCATED file ends at {self.size}, it says {header['size']}")

    def _take(self, raw: bytes, origin: str) -> None:
        leaf = self.size
        try:
            line = json.loads(raw.decode())
            if {int} != {type(line["leaf"]), type(line["n"])}:
                raise ValueError("numbers that are none")
            leaf, envelope, stored = line["leaf"], _unbase64(line["e"]), bytes.fromhex(line["h"])
            computed = sha256(b"\x00" + envelope).digest()
            self._grow(leaf, stored)
            if stored != computed:
                hashes = f"stored hash {stored.hex()[:8]} computed {computed.hex()[:8]}"
                self.report(f"LEAF {leaf} changed: {hashes}")
                self.writers[str(line["w"])] = (int(line["n"]), "")
                return
            event = parse_event(envelope)
            if [event["w"], event["n"], event["log"]] != [line["w"], line["n"], origin]:
                raise ValueError("not the event that its line says")
            self._follow(leaf, event, sha256(envelope).hexdigest())
        except BROKEN:
            self.report(f"LEAF {leaf} changed: unreadable, or not what its line says")

    def _grow(self, leaf: int, upper: bytes) -> None:
        if leaf != self.size:
            self.report(f"LEAF {self.size} missing, {leaf} in its place")
            self.whole = False
        self.size = max(self.size, leaf + 1)
        while self.whole and leaf & 1:
            upper, leaf = _node(self.edge.pop(), upper), leaf >> 1
        self.edge = [*self.edge, upper] if self.whole else []

    def _follow(self, leaf: int, event: Any, digest: str) -> None:
        writer, n = event["w"], event["n"]
        newest, expected = self.writers.get(writer, (0, "0" * 64))
        if n > newest + 1:
            upto = f" to {n - 1}" if n > newest + 2 else ""
            self.report(f"WRITER {writer} n={newest + 1}{upto} missing, before leaf {leaf}")
        elif n <= newest:
            self.report(f"WRITER {writer} n={n} a second time, at leaf {leaf}")
        elif event["prev"] != expected and expected:
            self.report(f"LEAF {leaf} does not follow its writer's event before it")
        self.writers[writer] = max((newest, expected), (n, digest))

    def _compare(self) -> None:
        while self.ahead and self.ahead[-1][0] <= self.size:
            size, root, kind = self.ahead.pop()
            here = self.edge[-1] if self.edge else EMPTY
            for left in self.edge[-2::-1]:
                here = _node(left, here)
            if self.whole and (size, root) == (self.size, here):
                self.covered[kind] = size
            else:
                self.report(f"FORK {kind}'s root at {size} not reproduced")


def check_log(names: Sequence[str], keys: Keys, anchors: Checkpoints) -> str:
    """Return what is proven about an exported log, after printing what is wrong with it."""
    log = Log(anchors)
    try:
        for name in names:
            log.read(name, keys)
    except (Problem, *BROKEN):
        if not log.tampered:
            raise
    for size, _, kind in log.ahead:
        log.report(f"TRUNCATED log has {log.size} leaves, {kind} says {size}")
    free = [f"{log.size - covered} by {kind}" for kind, covered in log.covered.items()]
    text = f"{log.size} leaves, not covered: {', '.join(free)}"
    if log.tampered:
        raise Problem(TAMPERED, text)
    return text


def read_anchors(names: Sequence[str], keys: Keys) -> Checkpoints:
    """Return the checkpoints in files of signed notes, one after the other."""
    texts = [Path(name).read_bytes().decode() for name in names]
    if any(NOTES.sub("", text).strip("\n") or not text for text in texts):
        raise ValueError("an anchor is a file of signed checkpoints and nothing else")
    return [open_checkpoint(note, keys) for text in texts for note in NOTES.findall(text)]


def main() -> int:
    """Do what the command line asks for; return the exit code."""
    checks = {"proof": check_proof, "consistency": check_consistency, "log": check_log}
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("command", choices=checks)
    parser.add_argument("file", nargs="+")
    parser.add_argument("--vkey", action="append", type=read_key, required=True)
    parser.add_argument("--anchor", action="append", default=[])
    try:
        given = parser.parse_args()
        if given.command != "log" and len(given.file) > 1:
            parser.error("one file at a time")
        anchors = read_anchors(given.anchor, given.vkey)
        code, text = 0, checks[given.command](given.file, given.vkey, anchors)
    except SystemExit as end:
        return USAGE if end.code else 0
    except Problem as problem:
        code, text = problem.args
    except OSError as error:
        code, text = USAGE, str(error)
    except BROKEN as error:
        code, text = UNVERIFIABLE, f"not readable: {error}"
    _say(f"RESULT  {('OK', 'TAMPERED', 'NOT VERIFIED', 'WRONG USAGE')[code]}  {text}"[:80])
    return code


if __name__ == "__main__":
    sys.exit(main())
