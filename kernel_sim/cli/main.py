"""``ksim``: 0 done, 1 judged and found wanting, 2 wrong usage or bad input with one clear line."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from typer.main import get_command

from kernel_sim.cli.lazy_group import LazyGroup
from kernel_sim.errors import InputError

FOUND_WANTING: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def ksim(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A simulated x86 machine and its kernels."""
    if version:
        from kernel_sim import __version__  # noqa: PLC0415 - only here

        sys.stdout.write(f"kernel-sim {__version__}\n")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``ksim`` and leave with its exit status."""
    raise SystemExit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status."""
    _write_utf8()
    try:
        if list(arguments) == ["--version"]:
            arguments = ["--version", "boot"]
        status = get_command(app).main(list(arguments), prog_name="ksim", standalone_mode=False)
        sys.stdout.flush()
    except InputError as error:
        return _complain(str(error), WRONG_USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("stopped", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        return _complain(message() or "see ksim --help", WRONG_USAGE)
    if status == INTERRUPTED:
        return _complain("stopped", INTERRUPTED)
    return status if isinstance(status, int) else 0


def _complain(line: str, status: int) -> int:
    sys.stderr.write("ksim: " + " ".join(line.split()) + "\n")
    return status


def _write_utf8() -> None:
    """Box drawings reach a pipe on every platform."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower() != "utf-8":
            reconfigure(encoding="utf-8", errors="replace")
