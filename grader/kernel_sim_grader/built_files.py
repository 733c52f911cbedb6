"""Files that the build makes in a course folder, and which of them somebody has changed since.

A list beside them holds the digest of each file as it was built. A file that differs from its
digest, or that was never built, is somebody's work: it is overwritten only when told so.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from kernel_sim.errors import InputError

LIST_FILE: Final = ".ksim-built.json"


class BuiltFiles:
    """The files of one course folder by their path in it, with forward slashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests = self._read()

    def write(self, files: Mapping[str, str], *, force: bool = False) -> list[Path]:
        """Write ``files``, path → text, all of them or none; returns those that were written.

        A file that is as it should be is left alone.

        Raises:
            InputError: without ``force``, when one was changed by hand.
        """
        if not force:
            self.refuse_changed(files)
        written = []
        for name, text in files.items():
            path = self.folder / name
            if digest(path) != _digest_of(text.encode()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
                written.append(path)
        self.record(files)
        return written

    def refuse_changed(self, names: Iterable[str]) -> None:
        """Refuse to overwrite a file that was changed by hand.

        Raises:
            InputError: naming the first one.
        """
        changed = [name for name in names if self.is_changed(name)]
        if changed:
            more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise InputError(
                f"was changed since it was built{more}",
                where=str(self.folder / changed[0]),
                expected="--force, to overwrite it",
            )

    def is_changed(self, name: str) -> bool:
        """Whether the file is there, and not as the build left it."""
        found = digest(self.folder / name)
        return found is not None and found != self._digests.get(name)

    def record(self, names: Iterable[str]) -> None:
        """Take the files as they are now for built."""
        for name in names:
            found = digest(self.folder / name)
            if found is not None:
                self._digests[name] = found
        text = json.dumps(self._digests, indent=1, sort_keys=True) + "\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / LIST_FILE).write_text(text, encoding="utf-8", newline="\n")

    def _read(self) -> dict[str, str]:
        """What was recorded; a list that can't be read counts as none."""
        try:
            found = json.loads((self.folder / LIST_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def digest(path: Path) -> str | None:
    """The SHA-256 of a file in hexadecimal digits, or None if there is no such file."""
    return _digest_of(path.read_bytes()) if path.is_file() else None


def _digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
