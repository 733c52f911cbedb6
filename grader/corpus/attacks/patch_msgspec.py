# attack: replace the encoder of the messages
# wall: what is patched in the worker is patched in the worker alone; values are rebuilt from plain data by a schema
# kind: forge
# expected_score: 2
"""Replace the encoder of the messages."""

import msgspec

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    real = msgspec.msgpack.encode
    msgspec.msgpack.encode = lambda message, **options: real(["Booted", None, [], {"score": 90}])
    return []
