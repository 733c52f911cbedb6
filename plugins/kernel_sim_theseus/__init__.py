"""Reference plugins of the profile ``theseus``: a 64-bit kernel that UEFI started."""
