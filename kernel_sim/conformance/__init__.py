"""The machine's MMU held against an x86 emulator on random page tables and accesses."""
