"""Ordered hints: the gentlest first, nothing shown that was not asked for."""

from importlib.resources import files

from kernel_sim.errors import InputError
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown


class Hint(Shown):
    """A list of titles, or one hint."""

    def __init__(self, title: str, body: str) -> None:
        self.title = title
        self.body = body

    def __repr__(self) -> str:
        return f"<hint: {self.title}>"

    def text(self) -> str:
        """Title and body."""
        return f"{self.title}\n{self.body}"


@quiet_while_loading
def hint(lab: str, number: int | None = None) -> Hint:
    """Show hint ``number`` of ``lab``, or without a number what there are hints for.

    Raises:
        InputError: there is no such lab or no such hint.
    """
    hints = hints_of(lab)
    if number is None:
        lines = [f"  {i:>2}  {title}" for i, (title, _) in enumerate(hints, start=1)]
        shown = Hint(
            f"Hints of {lab}, from gentle to plain; hint({lab!r}, 1) shows the first:",
            "\n".join(lines),
        )
    elif 1 <= number <= len(hints):
        title, body = hints[number - 1]
        shown = Hint(f"Hint {number} of {len(hints)}: {title}", body)
    else:
        raise InputError(f"{lab} has no hint {number}", expected=f"1 to {len(hints)}")
    shown.show()
    return shown


def hints_of(lab: str) -> list[tuple[str, str]]:
    """Title and text of each hint, in order; from ``hints/LAB.md``, one ``## title`` for each.

    Raises:
        InputError: no hints are kept for this lab.
    """
    folder = files("kernel_sim.notebook") / "hints"
    known = sorted(f.name.removesuffix(".md") for f in folder.iterdir() if f.name.endswith(".md"))
    if lab not in known:
        raise InputError(f"there are no hints for {lab!r}", expected=" or ".join(known))
    sections = (folder / f"{lab}.md").read_text(encoding="utf-8").split("\n## ")[1:]
    pairs = (section.split("\n", 1) for section in sections)
    return [(title.strip(), body.strip()) for title, body in pairs]
