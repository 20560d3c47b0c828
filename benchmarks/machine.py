"""What a figure depends on: the machine and the versions. Measures nothing of ours."""

import os
import platform
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: Whose versions decide the figures.
PACKAGES = (
    "flask",
    "werkzeug",
    "flask-jafsec",
    "flask-jwt-extended",
    "pyjwt",
    "flask-limiter",
    "limits",
    "flask-talisman",
    "flask-cors",
    "joserfc",
    "cryptography",
    "sqlalchemy",
)

#: Source: load.md section 4.1.
FSYNC_WRITES, FSYNC_BYTES = 1000, 8192


def facts() -> dict[str, str]:
    """Returns machine, load, disk and versions, in the order they are shown."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}, {_processor()}",
        "cores": str(os.cpu_count()),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "fdatasync per second": f"{_fsync_rate():,.0f}",
        "versions": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    """Returns the processor's name, or its architecture where no name is told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str:
    """Returns the installed version, or "-" where the package is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _fsync_rate() -> float:
    """Returns how many writes of 8 KiB the disk of the temporary folder makes durable a second."""
    block = os.urandom(FSYNC_BYTES)
    with tempfile.TemporaryFile() as file:
        started = time.perf_counter()
        for _ in range(FSYNC_WRITES):
            os.write(file.fileno(), block)
            os.fdatasync(file.fileno())
        return FSYNC_WRITES / (time.perf_counter() - started)
