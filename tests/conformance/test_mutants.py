"""Twenty-odd walkers, each with one rule broken, must all be told apart from the manual's."""

import importlib.util
import sys
from pathlib import Path

import pytest

from kernel_sim.conformance import campaign
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.machine import mmu, paging_modes
from kernel_sim.machine.paging_modes import PAGING_MODES

pytest.importorskip("unicorn", reason="Unicorn, the second opinion, is not installed")

from kernel_sim.conformance.unicorn_engine import UnicornEngine

SCENES = 60

# name, mode that shows it, module, the rule as written, the rule broken
MUTANTS = [
    ("write-protect-ignored", "4level", mmu, "or not self._wp", "or True"),
    ("write-protect-always", "4level", mmu, "or not self._wp", "or False"),
    ("rights-of-leaf-only", "4level", mmu, "rights &= entry", "rights = entry"),
    ("rights-are-or", "pae", mmu, "rights &= entry", "rights |= entry"),
    ("nx-of-leaf-only", "4level", mmu, "execute_disable |= entry", "execute_disable = entry"),
    ("nx-never", "pae", mmu, "executable=not execute_disable & NX", "executable=True"),
    ("smep-off", "32", mmu, "not (entry.user and self._smep)", "True"),
    ("smap-off", "4level", mmu, "if entry.user and self._smap and", "if False and"),
    ("smap-ignores-ac", "4level", mmu, "(access.implicit or not ac)", "True"),
    ("user-reads-supervisor", "32", mmu, "if not entry.user:", "if False:"),
    ("accessed-not-set-above", "5level", mmu, "if not entry & ACCESSED:", "if False:"),
    ("accessed-not-set-in-leaf", "32", mmu, "DIRTY if access.write else ACCESSED", "DIRTY if access.write else 0"),
    ("dirty-on-read", "4level", mmu, "ACCESSED | DIRTY if access.write", "ACCESSED | DIRTY if True"),
    ("dirty-never", "pae", mmu, "flags = ACCESSED | DIRTY if access.write else ACCESSED", "flags = ACCESSED"),
    ("flags-set-though-faulting", "32", mmu, "if not self.permits(result, access, ac=ac):", "self._store(entry_address, entry | flags)\n        if not self.permits(result, access, ac=ac):"),
    ("reserved-bits-ignored", "4level", mmu, "if entry & (step.leaf_reserved if leaf else step.table_reserved):", "if False:"),
    ("reserved-without-p", "pae", mmu, "ERROR_P | ERROR_RSVD", "ERROR_RSVD"),
    ("reserved-before-present", "4level", mmu, "if not entry & P:\n                raise self.fault(address, access, 0)\n            leaf =", "if not entry & P and not entry & step.leaf_reserved:\n                raise self.fault(address, access, 0)\n            leaf ="),
    ("no-user-bit-in-code", "32", mmu, "code |= ERROR_U", "code |= 0"),
    ("no-write-bit-in-code", "32", mmu, "code |= ERROR_W", "code |= 0"),
    ("fetch-bit-always", "32", mmu, "if access.fetch and self._reports_fetch:", "if access.fetch:"),
    ("fetch-bit-never", "4level", mmu, "if access.fetch and self._reports_fetch:", "if False:"),
    ("canonical-unchecked", "4level", mmu, "if upper and upper !=", "if False and upper !="),
    ("canonical-at-48-in-5level", "5level", mmu, "mode.linear_bits - 1 if", "47 if"),
    ("address-keeps-flags", "32", mmu, "table = entry & ADDRESS_MASK\n        raise", "table = entry & (ADDRESS_MASK | 0x800)\n        raise"),
    ("large-page-keeps-pat", "pae", mmu, "frame=self.leaf_frame(step, entry) & mask", "frame=self.leaf_frame(step, entry)"),
    ("pse-without-cr4", "32", paging_modes, "(with_pse and pse)", "with_pse"),
    ("no-1-gib-pages", "4level", paging_modes, '_PDPT: Final = Level("PDPTE", 30, 9, Leaf.WITH_PS)', '_PDPT: Final = Level("PDPTE", 30, 9, Leaf.NEVER)'),
    ("pml4-takes-ps", "4level", paging_modes, '_PML4: Final = Level("PML4E", 39, 9, Leaf.NEVER)', '_PML4: Final = Level("PML4E", 39, 9, Leaf.WITH_PS)'),
    ("index-of-8-bits", "4level", paging_modes, '_PT: Final = Level("PTE", 12, 9', '_PT: Final = Level("PTE", 12, 8'),
    ("nx-allowed-without-nxe", "4level", paging_modes, "| (0 if nxe else NX)", "| 0"),
    ("large-page-low-bits-free", "pae", paging_modes, "high | _bits(13, level.shift - 1)", "high"),
]  # fmt: skip


def load_mutant(module, rule, broken):
    """The type ``Mmu`` as it is when ``rule`` reads ``broken`` in ``module``."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert rule in source, f"{rule!r} no longer stands in {module.__name__}"
    names = (paging_modes.__name__, mmu.__name__)
    saved = {name: sys.modules[name] for name in names}
    try:
        for name in names:
            original = saved[name]
            text = Path(original.__file__).read_text(encoding="utf-8")
            if original is module:
                text = source.replace(rule, broken, 1)
            spec = importlib.util.spec_from_loader(name, loader=None)
            mutant = importlib.util.module_from_spec(spec)
            sys.modules[name] = mutant
            exec(compile(text, original.__file__, "exec"), mutant.__dict__)  # noqa: S102 - our own source
        return sys.modules[mmu.__name__].Mmu, sys.modules[paging_modes.__name__].PAGING_MODES
    finally:
        sys.modules.update(saved)


class MutantEngine(ModelEngine):
    """Gives the mutant's own table of modes to the mutant's walker."""

    def __init__(self, mmu_type, modes):
        class Walker(mmu_type):
            def configure(self, mode, **controls):
                super().configure(mode and modes[mode.name], **controls)

        super().__init__(Walker)


@pytest.fixture(scope="module")
def emulators():
    return {name: UnicornEngine(mode) for name, mode in PAGING_MODES.items()}


@pytest.mark.parametrize(
    ("mode", "module", "rule", "broken"), [m[1:] for m in MUTANTS], ids=[m[0] for m in MUTANTS]
)
def test_a_walker_with_one_broken_rule_diverges(emulators, mode, module, rule, broken):
    engine = MutantEngine(*load_mutant(module, rule, broken))
    for report in campaign.run(
        mode, SCENES * campaign.PROBES_PER_SCENE, 3, emulators[mode], engine
    ):
        if report.divergences:
            return
    pytest.fail(f"{report.accesses} accesses did not show that the rule is broken")
