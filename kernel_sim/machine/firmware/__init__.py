"""What the firmware does at power-on: memory maps, placement, tables written into RAM."""
