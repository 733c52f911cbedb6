# attack: read other processes' command lines and environments
# wall: the pid namespace; there is no /proc
# kind: read
# expected_score: 2
"""Read other processes' command lines and environments."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    found = []
    for number in ["self", *range(1, 200)]:
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{number}/{name}", "rb") as file:
                    found.append(file.read(200).decode("latin-1"))
            except OSError:
                continue
    raise ValueError("LOOT " + " ".join(found))
