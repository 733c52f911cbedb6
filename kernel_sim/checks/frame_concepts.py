"""What a failed check of Lab 2 is about: requirement and hint of each concept."""

from typing import Final

FRAME_CONCEPTS: Final[dict[str, tuple[str, str]]] = {
    # which frames
    "inward-rounding": (
        "KV-12",
        "A region's first frame is its base rounded up, its last one ends at its end rounded down.",
    ),
    "frame-too-many": (
        "KV-12",
        "A frame may be handed out only if all its 4096 bytes are available.",
    ),
    "undescribed-holes": (
        "KV-13",
        "Begin with every frame used, then clear the available ones: a hole stays used.",
    ),
    "not-available": ("KV-12", "Only regions of the kind AVAILABLE hold frames to hand out."),
    "physical-limit": (
        "KV-14",
        "Frames at or above config.physical_limit are not for the allocator: cut regions there.",
    ),
    "address-truncation": (
        "KV-14",
        "A region above 4 GiB must be left out, never taken for low memory: keep all bits.",
    ),
    "missing-frames": ("KV-14", "Every usable frame that is not reserved can be allocated."),
    "adjacent-regions": (
        "KV-12",
        "Available regions that touch count as one before rounding: join them first.",
    ),
    "search-bound": (
        "KV-14",
        "Search up to the highest frame number, not up to the number of usable frames.",
    ),
    "nothing-issued": ("KV-10", "pmm_alloc_frame has to return the address of a frame."),
    "one-region": (
        "KV-14",
        "Take the frames of all available regions, not of the first or largest.",
    ),
    "total-count": (
        "KV-14",
        "total is the number of usable frames, before anything is reserved: 32,639 on pc128.",
    ),
    # one at a time
    "frame-number": ("KV-10", "Return the address: the frame's number times 4096."),
    "alignment": ("KV-10", "A frame's address is a multiple of 4096."),
    "issued-twice": (
        "KV-10",
        "Mark a frame used before you return it, and look only at free ones.",
    ),
    "exhaustion": (
        "KV-17",
        "When no frame is free, return None: no exception, no made-up address.",
    ),
    "exhaustion-null": (
        "KV-17",
        "When no frame is free, return None, which is Python's NULL; 0 is an address.",
    ),
    "tail-bits": (
        "KV-10",
        "A bitmap ends within a byte or word: bits past the last frame must not be found.",
    ),
    # reserved
    "frame-zero": ("KV-16", "Frame 0 is never handed out: its address is that of NULL."),
    "reserved-ranges": ("KV-16", "Mark every frame that a reserved range touches as used."),
    "outward-rounding": (
        "KV-12",
        "What is taken is rounded outward: a frame that is reserved in part is reserved.",
    ),
    "bitmap-not-reserved": (
        "KV-16",
        "The bitmap lies in memory, too: mark the frames it lies in as used.",
    ),
    "tramples-memory": ("KV-16", "Write to your bitmap and nowhere else: memory has owners."),
    # free and reuse
    "free-clears": ("KV-11", "Freeing a frame clears its bit, so that it can be found again."),
    "cursor-wrap": (
        "KV-11",
        "A search that starts in the middle has to go on at the beginning before it gives up.",
    ),
    "frame-refused": ("KV-11", "A frame that was allocated can be given back."),
    "free-wrong-frame": ("KV-11", "Freeing a frame frees that frame and no other."),
    # errors
    "double-free": ("KV-15", "Before you free a frame, look whether it is in use at all."),
    "misaligned-free": ("KV-15", "An address that is no multiple of 4096 is no frame: refuse it."),
    "out-of-range-free": (
        "KV-15",
        "An address beyond the last frame has no bit in the bitmap: refuse it before you look.",
    ),
    "reserved-free": (
        "KV-15",
        "A frame that is never handed out must not be given back: it would be handed out then.",
    ),
    "error-class": (
        "KV-15",
        "Refuse with FrameError; other errors stop the kernel.",
    ),
    "rejected-changes": (
        "KV-15",
        "Check first, change afterwards: what is refused changes nothing.",
    ),
    # the bitmap
    "bitmap-in-python": (
        "KV-9",
        "The bits belong into the machine's memory, by kernel.cpu.store, not into a Python list.",
    ),
    "bit-per-frame": (
        "KV-9",
        "Bit n of the bitmap, counted as bit_order says, is the frame at first_frame + 4096 n.",
    ),
    "bit-order": (
        "KV-9",
        "bit_order tells which bit of a byte is the lowest frame: 'lsb' for byte >> n & 1.",
    ),
    "used-bit": ("KV-9", "used_bit is the value of a bit, 0 or 1, whose frame is in use."),
    "bitmap-size": ("KV-9", "The bitmap has one bit for each frame up to the highest usable one."),
    "bitmap-place": (
        "KV-16",
        "The bitmap goes into available memory that is nobody's: config.bitmap_area, or frames.",
    ),
    # counting
    "stats-sum": ("KV-18", "used + free = total, always."),
    "stats-count": ("KV-18", "free is the number of frames that can still be allocated."),
    "stats-after-failure": (
        "KV-18",
        "Count only what succeeded: a None or a refusal changes nothing.",
    ),
    "counted-twice": ("KV-18", "Count each frame once, also where two reservations overlap."),
    # beginning
    "init-once": ("KV-13", "A second pmm_init changes nothing: live frames stay in use."),
    "metadata-cost": ("KV-9", "One bit a frame is enough: a frame's worth of bitmap per 128 MiB."),
}
"""Concept → requirement, and a hint in one sentence."""
