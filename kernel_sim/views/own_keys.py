"""A widget that shows nothing and keeps a box's keys to the box; needs the extra ``notebook``."""

from typing import Final

import anywidget

from kernel_sim.views.script import script

OWN_KEYS_CLASS: Final = "ksim-own-keys"
"""Class of the box, which has an `OwnKeys` among its children."""


class OwnKeys(anywidget.AnyWidget):
    """Inside a box of the class `OWN_KEYS_CLASS`: no key that is typed there is a shortcut."""

    _esm = script("own_keys.js")
