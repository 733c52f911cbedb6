"""The JavaScript of the widgets, which lies beside their modules."""

from pathlib import Path


def script(name: str) -> str:
    """The text of ``name``. As a path anywidget would watch the file, and keep every widget."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
