"""What a call shows: in a notebook at once and only once, elsewhere as printed text."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from kernel_sim.views.running_shell import running_shell


class Shown(ABC):
    """Base of everything that a call of this package shows.

    The call shows it when it is made, wherever in the cell it stands. As the last line of the same
    cell it is not shown a second time; in a later cell it is.
    """

    _shown_in: int | None = None

    @abstractmethod
    def text(self) -> str:
        """The picture as text."""

    def pictures(self) -> Mapping[str, str]:
        """MIME type to picture, for a notebook; the text form is added."""
        return {}

    def show(self) -> None:
        """Show it here: rich in a notebook, else as printed text."""
        shell = running_shell()
        if shell is None:
            print(self.text())  # noqa: T201 - printing is this method's work
            return
        from IPython.display import display  # noqa: PLC0415 - only in a notebook

        self._shown_in = shell.execution_count
        display({"text/plain": self.text(), **self.pictures()}, raw=True)  # type: ignore[no-untyped-call]

    def _ipython_display_(self) -> None:
        shell = running_shell()
        if shell is None or shell.execution_count != self._shown_in:
            self.show()
