"""Reference plugins of the profile ``cyrius``: a 64-bit kernel with typed addresses and handles."""
