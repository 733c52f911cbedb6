"""What the firmware does at power-on: memory maps, placement of the kernel, tables written into RAM."""
