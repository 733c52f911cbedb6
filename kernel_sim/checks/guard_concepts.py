"""What a failed check of Lab 5 is about: requirement and hint of each concept."""

from typing import Final

GUARD_CONCEPTS: Final[dict[str, tuple[str, str]]] = {
    # where guards lie
    "guard-side": (
        "KV-39",
        "Stacks grow towards lower addresses: the guard is the page just below base.",
    ),
    "guard-one-side": (
        "KV-39",
        "A heap block or an object can be overrun at either end: guard_high is the page at end.",
    ),
    "guard-place": ("KV-39", "A guard is the whole page next to the usable pages, without a gap."),
    "usable-size": (
        "KV-39",
        "Guards come on top: end - base is the size asked for, rounded up to pages.",
    ),
    "page-bounds": ("KV-39", "base and end are multiples of 4096: only pages can be unmapped."),
    "guard-window": (
        "KV-39",
        "Everything, guards included, lies between config.guard_start and config.guard_end.",
    ),
    "region-overlap": (
        "KV-39",
        "The addresses of an installed region, guards included, must not be given out again.",
    ),
    "region-tag": ("KV-39", "The region carries the tag of its request."),
    # what is mapped
    "usable-mapped": (
        "KV-39",
        "Every usable page needs a frame and a mapping, PRESENT and WRITABLE.",
    ),
    "usable-user": ("KV-26", "Kernel memory is not USER_ACCESSIBLE."),
    "guard-mapped": ("KV-39", "A guard works because it is mapped nowhere: leave it out."),
    "frame-shared": ("KV-39", "Each usable page gets a frame of its own from pmm_alloc_frame."),
    "frame-not-allocated": (
        "KV-39",
        "A frame stays allocated as long as a page leads to it: unmap first, free afterwards.",
    ),
    "stray-page": ("KV-39", "Map the usable pages and nothing beside them."),
    "page-contents": ("KV-39", "What is stored in a usable page stays there."),
    "usable-lost": ("KV-39", "All bytes from base up to end can be used, the last one too."),
    # taking back
    "not-unmapped": ("KV-39", "remove_guard unmaps every usable page."),
    "frame-leak": ("KV-39", "remove_guard frees the frame that unmap_page returns, for each page."),
    "failure-leak": (
        "KV-39",
        "If a page can't be had, give back the mapped pages, and a frame not mapped: MapError.",
    ),
    "frame-lost": ("KV-39", "Free the frames of the region and no others."),
    "guard-frame": (
        "KV-39",
        "A guard has no frame: only the frames behind usable pages can be given back.",
    ),
    "none-ignored": (
        "KV-39",
        "pmm_alloc_frame returns None when memory is out: test for it before you map anything.",
    ),
    "refused-guard": ("KV-39", "There is room for this region: it can be installed."),
    "remove-unknown": (
        "KV-39",
        "Remember what is installed; remove_guard refuses everything else with UnmapError.",
    ),
    "addresses-used-up": (
        "KV-39",
        "Addresses of removed regions can be used again; a counter that only grows runs out.",
    ),
    "invlpg": (
        "KV-26",
        (
            "The TLB still knows a page that the tables no longer have: unmap through unmap_page, "
            "or execute INVLPG."
        ),
    ),
    "canary": (
        "KV-39",
        "Bytes between end and the guard are only safe if remove_guard looks whether they changed.",
    ),
    # the handler
    "handler-stack": (
        "KV-39",
        "The handler runs on a small stack of its own: keep it short, and leave the IDT alone.",
    ),
    "guard-range": (
        "KV-39",
        "A guard page is [guard, guard + 4096): its last byte belongs to it, the next one doesn't.",
    ),
    "escalation": (
        "KV-39",
        (
            "Do not write to address 0 to force a crash: where page 0 is mapped nothing happens. "
            "Return PANIC."
        ),
    ),
    "handler-fault": ("KV-39", "The handler itself touched memory that is not mapped."),
    "class-null": (
        "KV-39",
        "An address in page 0 is a NULL pointer: PANIC for the kernel, KILL for a program.",
    ),
    "class-guard": (
        "KV-39",
        "A hit of a guard of an installed region stops whoever made it: PANIC, at CPL 3 KILL.",
    ),
    "class-user": (
        "KV-26",
        "A program that reaches for a page of the kernel (error code bits P and U) is killed.",
    ),
    "class-level": (
        "KV-39",
        "At CPL 3 a program is to blame: KILL it. At CPL 0 it is the kernel: PANIC.",
    ),
    "class-others": (
        "KV-39",
        "A fault that is none of these is not yours: return None, others may be able to mend it.",
    ),
    "class-stale": ("KV-39", "A region that was removed has no guards any more."),
    "retry": (
        "KV-39",
        "RETRY executes the access again: it is right only where its cause has been mended.",
    ),
    "class-log": (
        "KV-44",
        (
            "Say what you found: kernel.log('guard_fault', classification='null', 'guard' or "
            "'user', "
            "address=fault.address)."
        ),
    ),
    # the fault log
    "log-missing": ("KV-37", "Each page fault leaves one kernel.log('fault_trace', ...)."),
    "log-vector": ("KV-37", "Log page faults alone: the fault events of vector 14."),
    "log-twice": ("KV-37", "Log a fault once: look at the event's kind and vector."),
    "log-fields": (
        "KV-37",
        "address and error_code are those of the event; frames begins with the event's ip.",
    ),
    "walk-wrong": (
        "KV-37",
        "The return address is at bp + 4, the caller's bp at bp; both are 4 bytes long.",
    ),
    "walk-short": ("KV-37", "Walk until the chain ends, for at least eight callers."),
    "walk-bounded": ("KV-37", "Set a limit to the walk: 64 callers at most."),
    "walk-validation": (
        "KV-37",
        (
            "A saved bp may be damaged. Follow it only if it is aligned, above the last one, and "
            "if "
            "translate finds all eight bytes."
        ),
    ),
    "walk-endless": (
        "KV-37",
        (
            "A chain of frame pointers can lead back to itself: each must lie above the last, and "
            "there must be a limit."
        ),
    ),
    "log-allocates": (
        "KV-37",
        "While a fault is handled the heap may be what is broken: take no memory from it.",
    ),
    # the picture
    "view-cells": ("KV-35", "Return columns * rows cells, row by row."),
    "view-cached": ("KV-35", "Read the bitmap whenever a picture is asked for; keep no copy."),
    "view-scale": (
        "KV-35",
        "A cell stands for the same number of frames, rounded up, so that all of memory fits.",
    ),
    "view-free": ("KV-35", "A cell whose usable frames are all free shows '.'."),
    "view-used": ("KV-35", "A cell whose usable frames are all in use shows '#'."),
    "view-bits": (
        "KV-35",
        "pmm_stats says how to read the bitmap: bit_order, used_bit and first_frame.",
    ),
    "view-usable": (
        "KV-35",
        "Usable frames lie below physical_limit, in available regions; those that touch are one.",
    ),
    "view-partly": ("KV-35", "A cell of which some usable frames are in use shows '+'."),
    "view-reserved": (
        "KV-35",
        "A cell without any usable frame is no free memory: show neither '.' nor '+' nor '#'.",
    ),
    # counters
    "count-owner": ("KV-36", "An allocated frame has an owner, which counts 1; a free one 0."),
    "count-mapping": ("KV-36", "Each page that map_page leads to a frame counts 1 more."),
    "count-unmap": ("KV-36", "unmap_page returns the frame whose count goes down by 1."),
    "count-free": ("KV-36", "pmm_free_frame takes the owner's 1 away, and no mapping's."),
    "count-refused": (
        "KV-36",
        "A call that was refused changed nothing: its event has the field error.",
    ),
    "count-negative": ("KV-36", "A count never falls below 0."),
    # tags
    "tag-fixed": (
        "KV-38",
        (
            "dma-safe is what is available below 16 MiB; device-owned the screen's memory and the "
            "interrupt controllers; kernel-image is boot_info.kernel."
        ),
    ),
    "tag-missing": ("KV-38", "kernel.log('tag', ...) of others puts a tag on a range."),
    "tag-split": (
        "KV-38",
        "A tag that is taken off the middle of a range stays on both sides of it.",
    ),
    "tag-overlap": ("KV-38", "Tags of different names may overlap: both stay."),
    "tag-names": ("KV-38", "untag takes one tag off, not all that lie there: compare the names."),
    "tag-ranges": ("KV-38", "One tag can be on many ranges: keep a list, not one range a name."),
    "tag-stale": ("KV-38", "A tag that was taken off is gone."),
    "tag-guarded": (
        "KV-38",
        "The frames behind an installed region carry 'guarded:' and its tag, until it is removed.",
    ),
    # toggles
    "toggle-off": (
        "KV-40",
        "Ask kernel.config first: a feature that is switched off answers None and logs nothing.",
    ),
    "toggle-chain": (
        "KV-40",
        (
            "A handler that is switched off answers None, so that the next one is asked; RETRY "
            "would mean that it has mended the fault."
        ),
    ),
    "toggle-others": ("KV-41", "Switching one feature off leaves the others as they are."),
    "observer-cost": ("KV-40", "Watching takes nothing: the kernel has the same frames with it."),
    "selftest": ("KV-43", "A self-test that fails says that something is wrong; look at it."),
    "trace-differs": ("KV-44", "The same machine and the same calls give the same trace."),
}
"""Concept → requirement, and a hint in one sentence."""
