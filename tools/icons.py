"""Builds the console's icon sprite from the published package, byte for byte repeatable.

``python -m tools.icons`` fetches the tarball that console/static/icons.lock.json names through
npm, refuses it if its integrity differs, and writes icons.svg, the lock file and the licence. To
add an icon, add its name to the lock file and run this.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "console" / "static"
LOCK: Final = FOLDER / "icons.lock.json"
SPRITE: Final = FOLDER / "icons.svg"
LICENCE: Final = FOLDER / "icons.LICENSE"

_BODY: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)

#: What every icon has in common, said once. The console's stylesheet gives width and height.
_ATTRIBUTES: Final = (
    'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round"'
)


def sprite_of(icons: dict[str, str]) -> str:
    """Return one SVG with a symbol for each icon, in the order of their names."""
    symbols = [
        f'<symbol id="{name}" {_ATTRIBUTES}>{body_of(icons[name])}</symbol>'
        for name in sorted(icons)
    ]
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>\n"])


def body_of(source: str) -> str:
    """Return the drawing of a published icon, without the frame around it."""
    found = _BODY.search(source)
    if found is None:
        raise ValueError("is no SVG")
    return re.sub(r"\s*\n\s*", "", found[1]).replace(" />", "/>")


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _fetched(lock: dict[str, Any], folder: Path) -> Path:
    wanted = f"{lock['package']}@{lock['version']}"
    subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True)  # noqa: S603, S607 - npm from the path
    (tarball,) = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if lock["integrity"] != f"sha512-{digest}":
        sys.exit(f"icons: {tarball.name} is not the file that was locked; nothing was written")
    return tarball


def _read(tarball: Path, names: list[str]) -> tuple[dict[str, str], str]:
    with tarfile.open(tarball) as archive:

        def text(member: str) -> str:
            file = archive.extractfile(f"package/{member}")
            if file is None:
                raise FileNotFoundError(member)
            return file.read().decode()

        return {name: text(f"icons/{name}.svg") for name in names}, text("LICENSE")


def main() -> None:
    """Write the sprite, what proves it, and its licence."""
    lock = json.loads(LOCK.read_text())
    with tempfile.TemporaryDirectory() as folder:
        icons, licence = _read(_fetched(lock, Path(folder)), sorted(lock["icons"]))
    sprite = sprite_of(icons)
    lock["icons"] = {name: sha256(body_of(icons[name])) for name in sorted(icons)}
    lock["sprite"] = sha256(sprite)
    SPRITE.write_text(sprite)
    LICENCE.write_text(licence)
    LOCK.write_text(json.dumps(lock, indent=1) + "\n")
    print(f"{len(icons)} icons, {len(sprite):,} bytes")


if __name__ == "__main__":
    main()
