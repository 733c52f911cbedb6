"""Grading seeds: fresh for each lab of a course, and the same whenever the course grades again.

A course folder holds a secret of 32 random bytes in a file that only its owner can read. It is
made with the course, never released, and never leaves the grader; what feedback records is the
seed derived from it, by which ``ksim check LAB NOTEBOOK --seed N`` repeats a grading exactly.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from kernel_sim.errors import InputError

SECRET_FILE: Final = "course_secret"  # noqa: S105 - a file's name
SECRET_BYTES: Final = 32
SEED_LIMIT: Final = 1 << 31


def make_secret(course: Path) -> Path:
    """The course's secret file, made with mode 0600 unless it is there."""
    path = course / SECRET_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(SECRET_BYTES) + "\n")
    return path


def read_secret(course: Path) -> bytes:
    """The course's secret.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = course / SECRET_FILE
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        problem = f"the course's secret can't be read: {error.strerror}"
        raise InputError(problem, where=str(path), expected="ksim course build") from error
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise InputError(
            "the course's secret is damaged", where=str(path), expected="64 hexadecimal digits"
        )
    return secret


def grading_seed(secret: bytes, lab: str) -> int:
    """The seed that ``lab`` is graded with: 0 to 2^31 - 1."""
    digest = hmac.digest(secret, f"kernel-sim grading {lab}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT
