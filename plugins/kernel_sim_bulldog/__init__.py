"""Reference plugins of the profile ``bulldog``: a 64-bit kernel that a boot loader started."""
