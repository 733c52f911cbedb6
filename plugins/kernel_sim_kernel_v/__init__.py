"""The reference plugins of the Kernel-V profile."""
