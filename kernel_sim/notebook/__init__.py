"""What a student calls in a lab's notebook.

::

    boot(machine="pc128")              boot with the hooks of this notebook, see the screen
    check("lab1", "regions-pc128")     one check, at once, on the hooks of this notebook
    check_all("lab1")                  all that can be run here
    replay("24 0x0+0x1000:1")          play a failing case again
    try_it(function, 1, 2, gives=3)    one example of one function
    show_map(booted)                   the firmware's entries beside the kernel's table
    show_screen(booted)                its screen as a widget
    show_frames(booted)                what its frames are used for
    swap_panel(lab="lab1")             choose machine and plugins, and boot
    show_space(booted)                 what the page tables map, or what changed since
    touch(booted, "read", 0xB8000)     one access of the processor's
    call_deep(booted, 12)              functions that call each other, until the stack is full
    race("boot")                       allocation traces on this heap and on others
    compare_with_emulator(booted)      the page tables as Unicorn sees them
    power_on("pc128")                  a machine before the kernel runs
    dump(machine, address, count)      its bytes
    hint("lab1")                       ordered hints
    use("pmm", "reference")            who fills a role from now on

Everything is shown as soon as it is called, as text where there is no notebook; nothing goes to
stderr. Importing this in a notebook begins to watch which cell defines which hook.
"""

from kernel_sim.notebook.booting import Booted, boot
from kernel_sim.notebook.bytes_view import dump
from kernel_sim.notebook.calling import call_deep
from kernel_sim.notebook.checking import check, check_all, replay
from kernel_sim.notebook.hints import hint
from kernel_sim.notebook.maps import show_map
from kernel_sim.notebook.power import power_on
from kernel_sim.notebook.racing import race
from kernel_sim.notebook.session import begin, use
from kernel_sim.notebook.spaces import compare_with_emulator, show_space
from kernel_sim.notebook.swap_panel import swap_panel
from kernel_sim.notebook.touching import touch
from kernel_sim.notebook.trying import try_it
from kernel_sim.notebook.widgets import show_frames, show_screen

__all__ = [
    "Booted",
    "boot",
    "call_deep",
    "check",
    "check_all",
    "compare_with_emulator",
    "dump",
    "hint",
    "power_on",
    "race",
    "replay",
    "show_frames",
    "show_map",
    "show_screen",
    "show_space",
    "swap_panel",
    "touch",
    "try_it",
    "use",
]

begin()
