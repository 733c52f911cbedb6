# attack: write the words of success on the screen
# wall: each check compares the screen with what has to be on it
# kind: forge
# expected_score: 2
"""Write the words of success on the screen."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    text = "ALL CHECKS PASSED 90/90 0x0000000000100000 Available"
    for number, letter in enumerate(text):
        kernel.cpu.store(0xB8000 + 2 * number, 2, 0x0700 | ord(letter))
    return []
