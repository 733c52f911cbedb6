"""A QEMU without devices, stopped, its memory in a file that this process has mapped too.

Linux and macOS: the control connections are UNIX sockets.
"""

import json
import mmap
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from kernel_sim.conformance.gdb_stub import GdbStub
from kernel_sim.errors import InputError

PROGRAM: Final = "qemu-system-x86_64"
_BACKEND: Final = "memory-backend-file,id=memory,share=on"
_PATIENCE_SECONDS: Final = 10.0
_CPU: Final = "Icelake-Server-v1,la57=on,smap=on,smep=on,pcid=off,phys-bits=40"


class QemuProcess:
    """A running QEMU; `close` ends it.

    Args:
        memory_bytes: installed memory from address 0 on, at most 2 GiB.

    Raises:
        InputError: QEMU is not installed, or cannot be driven on this platform.
    """

    def __init__(self, memory_bytes: int) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise InputError(f"{PROGRAM} is not installed", expected="QEMU on the PATH")
        if not hasattr(socket, "AF_UNIX"):
            raise InputError("QEMU can be driven on Linux and macOS only")
        self._folder = Path(tempfile.mkdtemp(prefix="ksim-qemu-"))
        backing = self._folder / "memory"
        with backing.open("wb") as file:
            file.truncate(memory_bytes)
        with backing.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), memory_bytes)
        gdb, monitor = self._folder / "gdb", self._folder / "monitor"
        self._process = subprocess.Popen(  # noqa: S603 - the program found above
            [
                program, "-accel", "tcg", "-cpu", _CPU, "-display", "none", "-nodefaults", "-S",
                "-m", f"{memory_bytes >> 20}M", "-machine", "pc,memory-backend=memory",
                "-object", f"{_BACKEND},size={memory_bytes >> 20}M,mem-path={backing}",
                "-chardev", f"socket,id=gdb,path={gdb},server=on,wait=off", "-gdb", "chardev:gdb",
                "-chardev", f"socket,id=monitor,path={monitor},server=on,wait=off",
                "-mon", "chardev=monitor,mode=control",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.gdb = GdbStub(self._connect(gdb))
        self._monitor = self._connect(monitor)
        self._lines = self._monitor.makefile("rb")
        self._read_object()
        self._execute("qmp_capabilities")

    def _connect(self, path: Path) -> socket.socket:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_PATIENCE_SECONDS)
            try:
                connection.connect(str(path))
            except OSError:
                connection.close()
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise InputError(f"QEMU does not start: {self._complaint()}") from None
                time.sleep(0.02)
            else:
                return connection

    def _complaint(self) -> str:
        self._process.kill()
        _, errors = self._process.communicate()
        lines = errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def ask(self, command: str) -> str:
        """What QEMU's monitor answers to ``command``."""
        return str(self._execute("human-monitor-command", **{"command-line": command}))

    def _execute(self, name: str, **arguments: str) -> object:
        request = {"execute": name, "arguments": arguments}
        self._monitor.sendall(json.dumps(request).encode("ascii") + b"\n")
        while True:
            answer = self._read_object()
            if "error" in answer:
                raise RuntimeError(f"QEMU refuses {name}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def _read_object(self) -> dict[str, object]:
        line = self._lines.readline()
        if not line:
            raise RuntimeError("QEMU closed its monitor")
        answer: dict[str, object] = json.loads(line)
        return answer

    def close(self) -> None:
        """End QEMU and remove its files."""
        self._process.kill()
        self._process.communicate()
        self.gdb.close()
        self._lines.close()
        self._monitor.close()
        self.memory.close()
        shutil.rmtree(self._folder, ignore_errors=True)
