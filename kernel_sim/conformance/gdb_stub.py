"""The part of GDB's remote protocol that drives an emulator: registers, and one step at a time.

A packet is ``$DATA#CHECKSUM``; numbers are hexadecimal, register contents little-endian bytes.
References: Debugging with GDB, appendix E (remote serial protocol).
"""

import socket
from typing import Final

_CHUNK: Final = 1 << 16


class GdbStub:
    """A connection to a stub.

    Args:
        connection: connected to the stub's socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self.command("qSupported:xmlRegisters=i386")
        self.command("qXfer:features:read:target.xml:0,fff")  # else single registers are refused

    def command(self, packet: str) -> str:
        """Send ``packet`` and wait for the answer.

        Raises:
            RuntimeError: the emulator went away or refuses.
        """
        data = packet.encode("ascii")
        self._connection.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
        answer = self._answer()
        if not answer or (answer.startswith("E") and len(answer) == 3):
            raise RuntimeError(f"the emulator refuses {packet!r}: {answer}")
        return answer

    def _answer(self) -> str:
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start)
            if start >= 0 and end >= 0 and len(self._buffer) >= end + 3:
                answer = self._buffer[start + 1 : end]
                self._buffer = self._buffer[end + 3 :]
                self._connection.sendall(b"+")
                return answer.decode("ascii")
            received = self._connection.recv(_CHUNK)
            if not received:
                raise RuntimeError("the emulator closed the connection")
            self._buffer += received

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def read_register(self, number: int) -> int:
        """The register's value."""
        return int.from_bytes(bytes.fromhex(self.command(f"p{number:x}")), "little")

    def write_register(self, number: int, value: int, size_bytes: int = 8) -> None:
        """Set a register."""
        self.command(f"P{number:x}={value.to_bytes(size_bytes, 'little').hex()}")

    def registers(self) -> bytes:
        """All general registers, in the stub's order."""
        return bytes.fromhex(self.command("g"))

    def step(self) -> None:
        """Execute one instruction, or deliver the exception that it meets."""
        self.command("s")
