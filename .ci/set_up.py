"""Make ``.venv`` ready: uv, everything the lock pins, and both packages as editable installs.

Run by ``make`` whenever the lock or a project file is newer than the stamp ``.venv/.ready``; on
Windows by hand: ``py .ci/set_up.py``. Needs only Python 3.11 or newer and pip. Running it again
is quick and changes nothing that is right already.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.txt"
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / ".ready"
OLDEST = (3, 11)
OURS = ("--no-deps", "--no-build-isolation", "-e", str(ROOT), "-e", str(ROOT / "grader"))


def succeeds(*command: object) -> bool:
    """Whether ``command`` ends with status 0; what it prints is shown."""
    return subprocess.run([str(word) for word in command], cwd=ROOT, check=False).returncode == 0


def works(*command: object) -> bool:
    """Whether ``command`` can be started and ends with status 0; what it prints is not shown."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    """Create ``.venv``, or again if its interpreter does not start or is too old."""
    if works(PYTHON, "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"):
        return
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Making .venv with Python {version}; the first time takes about a minute.", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=False, symlinks=os.name != "nt")


def pip() -> tuple[object, ...]:
    """The command words of a pip that installs into ``.venv``.

    The running interpreter's pip does, from outside: so Debian's Python needs no python3-venv.
    """
    if works(PYTHON, "-m", "pip", "--version"):
        return (PYTHON, "-m", "pip")
    if works(sys.executable, "-m", "pip", "--version"):
        return (sys.executable, "-m", "pip", "--python", PYTHON)
    works(PYTHON, "-m", "ensurepip")
    return (PYTHON, "-m", "pip")


def uv_pins() -> str:
    """The lock's own lines about uv: its version and hashes."""
    words = LOCK.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return next(line for line in words if line.startswith("uv==")) + "\n"


def install_uv() -> bool:
    """Install the pinned uv by pip, unless it is there; False where it can't be had."""
    version = uv_pins().split()[0].removeprefix("uv==")
    asks = f"from importlib.metadata import version as of; of('uv') == {version!r} or exit(1)"
    if works(PYTHON, "-c", asks):
        return True
    pins = VENV / "uv.txt"
    pins.write_text(uv_pins(), encoding="utf-8")
    return succeeds(*pip(), "install", "--quiet", "--require-hashes", "-r", pins)


def install_all() -> bool:
    """Install what the lock pins, and both packages, by uv or, where uv can't, by pip.

    uv does not read pip's configuration: behind a mirror that only pip knows, pip does it.
    """
    locked = ("--require-hashes", "-r", LOCK)
    if install_uv():
        install: tuple[object, ...] = (BIN / "uv", "pip", "install", "--quiet", "--python", PYTHON)
        if succeeds(*install, *locked) and succeeds(*install, *OURS):
            return True
        print("uv could not install; trying pip, which is slower.", flush=True)
    install = (*pip(), "install", "--quiet")
    return succeeds(*install, *locked) and succeeds(*install, *OURS)


def main() -> int:
    """Set up; 0 when ``.venv`` is ready, 1 when a package could not be installed, 2 before that."""
    if sys.version_info < OLDEST:
        print("kernel-sim needs Python 3.11 or newer; this is", sys.version.split()[0])
        return 2
    make_venv()
    if not install_all():
        print("Set-up failed: the lines above say why. Running it again goes on from here.")
        return 1
    STAMP.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
