"""One at a time: a button waits for the cell that boots, and gives up in time."""

import threading

import pytest

from kernel_sim.notebook import boot
from kernel_sim.notebook.machine_lock import MACHINE_LOCK, Busy, machine_to_oneself


def test_a_cell_that_boots_has_the_machine_to_itself():
    seen = []

    def another() -> None:
        try:
            with machine_to_oneself(seconds=0.05):
                seen.append("entered")
        except Busy:
            seen.append("busy")

    with MACHINE_LOCK:
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
    assert seen == ["busy"]


def test_a_call_in_a_call_does_not_wait_for_itself():
    with machine_to_oneself(seconds=0.05):
        assert boot("pc4", until="memmap", memmap="reference", show=False).oops is None


def test_the_lock_is_given_back_after_an_error():
    with pytest.raises(ZeroDivisionError), machine_to_oneself():
        raise ZeroDivisionError
    entered = threading.Event()

    def another() -> None:
        with machine_to_oneself(seconds=1):
            entered.set()

    thread = threading.Thread(target=another)
    thread.start()
    thread.join()
    assert entered.is_set()
