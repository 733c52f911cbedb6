"""What a failed check of Lab 4 is about: requirement and hint of each concept."""

from typing import Final

HEAP_CONCEPTS: Final[dict[str, tuple[str, str]]] = {
    # where a block lies
    "align-payload": (
        "KV-29",
        "Align the address that you return, not that of the header in front of it.",
    ),
    "align-ignored": ("KV-29", "The address is a multiple of align, up to a whole page."),
    "size-rounding": (
        "KV-29",
        "Round sizes up to a multiple of 8, or the next block begins at an odd place.",
    ),
    "heap-overlap": (
        "KV-34",
        "No byte may belong to two blocks: add the header to the size, round up before you add.",
    ),
    "heap-overlap-reuse": (
        "KV-34",
        "What is taken off the free list must be free, large enough, and off the list afterwards.",
    ),
    "zero-size": ("KV-27", "kmalloc(0) returns None, or a block of its own that nobody shares."),
    "contents-lost": (
        "KV-34",
        "Bytes of a live block changed: headers and links belong outside of what you hand out.",
    ),
    # the window
    "heap-start": ("KV-31", "The heap begins at the start that heap_init is told."),
    "max-end": ("KV-31", "start + size <= max_end has to hold for every block, to its last byte."),
    "last-bytes": ("KV-31", "A block may end exactly at max_end: compare with > and not with >=."),
    "early-null": ("KV-31", "There is room, in the window and in memory: serve the request."),
    "size-overflow": (
        "KV-31",
        "A huge size has to give None: compare it with the room there is before you add to it.",
    ),
    "heap-init": (
        "KV-31",
        "heap_init raises HeapInitError for an empty or backward range, and when called again.",
    ),
    # growth
    "touch-before-map": (
        "KV-32",
        "Map the page before you write the header into it.",
    ),
    "wild-address": (
        "KV-34",
        "A size or link was read where no header is: is every size rounded up, the header counted?",
    ),
    "block-unmapped": (
        "KV-32",
        "Map every page that the block touches: from the first byte's to the last byte's.",
    ),
    "heap-flags": ("KV-32", "Map heap pages PRESENT | WRITABLE: for the kernel, and writable."),
    "heap-frames": (
        "KV-32",
        "Each page of the heap needs a frame of its own from pmm_alloc_frame.",
    ),
    "null-frame": (
        "KV-32",
        "pmm_alloc_frame can return None: then kmalloc returns None, and maps nothing.",
    ),
    "maps-beyond": ("KV-31", "Map no page beyond the one that max_end - 1 lies in."),
    # out of memory
    "null-on-exhaustion": (
        "KV-32",
        "When there is no memory kmalloc returns None: no exception, no address.",
    ),
    "frames-leaked": (
        "KV-32",
        "If growing fails half-way, unmap what was mapped; free its frames, and an unmapped one.",
    ),
    "growth-not-undone": (
        "KV-32",
        "If growing fails, the heap's end and lists are as before: change them when all went well.",
    ),
    "no-recovery": (
        "KV-32",
        "A None is not for ever: when frames are free again, the heap can grow again.",
    ),
    # kfree
    "free-null": ("KV-34", "kfree(None) does nothing."),
    "free-refused": ("KV-27", "A block that kmalloc returned can be given back, in any order."),
    "heap-double-free": (
        "KV-34",
        "Before you free a block, look whether it is in use: raise HeapError if not.",
    ),
    "foreign-pointer": (
        "KV-34",
        "An address outside the heap is no block of yours: raise HeapError.",
    ),
    "interior-pointer": (
        "KV-34",
        "An address inside a block is not the block: raise HeapError, check a mark in the header.",
    ),
    "heap-error-class": (
        "KV-34",
        "Refuse with HeapError(ptr, reason=...); other errors stop the kernel.",
    ),
    "trusts-pointer": (
        "KV-34",
        "Check that a pointer lies in the heap before you read a header in front of it.",
    ),
    "refusal-changes": (
        "KV-34",
        "Check first, change afterwards: what is refused changes nothing.",
    ),
    # reuse
    "no-reuse": ("KV-28", "Memory that was given back has to be handed out again (tier 4B)."),
    "no-coalescing": (
        "KV-28",
        "Join a freed block with free neighbours, or large requests fail in a heap of crumbs.",
    ),
    "coalesce-previous": (
        "KV-28",
        "Join a freed block with the free one in front of it, too: you need a way back to it.",
    ),
    "coalesce-next": ("KV-28", "Join a freed block with the free one behind it, too."),
    "no-split": (
        "KV-28",
        "Split a free block that is much larger than the request; the rest stays free.",
    ),
    "memory-lost": (
        "KV-28",
        "Every byte is in a block, used or free: what is cut off must go on the free list.",
    ),
    # records
    "stats-blocks": ("KV-30", "blocks counts the blocks in use."),
    "stats-used": ("KV-30", "used counts the bytes of the blocks in use, and nothing else."),
    "stats-free": ("KV-30", "free is what the heap can hand out, never negative."),
    "heap-in-python": (
        "KV-30",
        "What kfree has to remember belongs into the machine's memory, as headers and links do.",
    ),
    # performance
    "utilization": (
        "KV-28",
        "The heap takes far more memory than is in use: look at headers, splitting, joining.",
    ),
}
"""Concept → requirement, and a hint in one sentence."""
