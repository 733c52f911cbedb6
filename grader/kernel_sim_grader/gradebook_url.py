"""Where a course's gradebook is: a file of SQLite's by default, or a PostgreSQL server.

The course folder's ``gradebook_url`` names it, if there is one: nbgrader's settings read it, so
formgrader, feedback and exports find the same gradebook. It may hold a password; only its owner
can read it.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kernel_sim.errors import InputError

URL_FILE: Final = "gradebook_url"
GRADEBOOK: Final = "gradebook.db"
POSTGRES: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
DRIVER: Final = "postgresql+psycopg"


def gradebook_url(course: Path) -> str:
    """The address of the course's gradebook."""
    path = course / URL_FILE
    if path.is_file():
        return checked_url(path.read_text(encoding="utf-8").strip())
    return "sqlite:///" + (course.resolve() / GRADEBOOK).as_posix()


def keep_url(course: Path, url: str) -> Path:
    """Write the address of the course's gradebook where all commands look for it.

    Raises:
        InputError: it is no address of a gradebook.
    """
    path = course / URL_FILE
    text = checked_url(url) + "\n"
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
    return path


def checked_url(url: str) -> str:
    """``url`` with the driver that is installed here.

    Raises:
        InputError: it names another kind of gradebook, or what it needs is not installed.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and separator:
        return url
    if scheme not in POSTGRES or not separator:
        expected = "sqlite:///FILE or postgresql://USER@HOST/NAME"
        raise InputError(f"{safe(url)!r} is no address of a gradebook", expected=expected)
    if find_spec("psycopg") is None:
        expected = "pip install 'kernel-sim-grader[postgres]'"
        raise InputError("PostgreSQL needs psycopg, which is not installed", expected=expected)
    return f"{DRIVER}://{rest}"


def safe(url: str) -> str:
    """``url`` without its password, for messages."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return "the address"
    return url.replace(f":{password}@", ":…@") if password else url
