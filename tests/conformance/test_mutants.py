"""Walkers with one rule broken must all be told apart from the manual's."""

import importlib.util
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from kernel_sim.conformance import campaign
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.conformance.unicorn_engine import UnicornEngine
from kernel_sim.machine import access_rights, mmu, paging_modes
from kernel_sim.machine.paging_modes import PAGING_MODES

pytestmark = pytest.mark.skipif(
    find_spec("unicorn") is None, reason="Unicorn, the second opinion, is not installed"
)

SCENES = 60

# name, mode that shows it, module, the rule as written, the rule broken
MUTANTS = [
    ("write-protect-ignored", "4level", access_rights, "if write and write_protect", "if False"),
    ("write-protect-always", "4level", access_rights, "if write and write_protect", "if write"),
    (
        "user-writes-read-only",
        "pae",
        access_rights,
        "P | US | (RW if write",
        "P | US | (0 if write",
    ),
    ("user-reads-supervisor", "32", access_rights, "P | US | (RW", "P | (RW"),
    ("rights-of-leaf-only", "4level", mmu, "rights &= entry", "rights = entry"),
    ("rights-are-or", "pae", mmu, "rights &= entry", "rights |= entry"),
    ("nx-of-leaf-only", "4level", mmu, "execute_disable |= entry", "execute_disable = entry"),
    ("nx-never", "pae", access_rights, "NX if fetch else 0", "0"),
    ("nx-for-reads-too", "4level", access_rights, "NX if fetch else 0", "NX"),
    ("smep-off", "32", access_rights, "fetch and cr4 & CR4_SMEP", "False"),
    ("smap-off", "4level", access_rights, "not fetch and cr4 & CR4_SMAP", "False"),
    ("smap-ignores-ac", "4level", access_rights, "(implicit or not ac)", "True"),
    ("smap-on-fetch", "pae", access_rights, "not fetch and cr4 & CR4_SMAP", "cr4 & CR4_SMAP"),
    ("accessed-not-set-above", "5level", mmu, "if not entry & ACCESSED:", "if False:"),
    (
        "accessed-not-set-in-leaf",
        "32",
        mmu,
        "if access.write else ACCESSED",
        "if access.write else 0",
    ),
    (
        "dirty-on-read",
        "4level",
        mmu,
        "ACCESSED | DIRTY if access.write",
        "ACCESSED | DIRTY if True",
    ),
    ("dirty-never", "pae", mmu, "ACCESSED | DIRTY if access.write", "ACCESSED if access.write"),
    (
        "flags-set-though-faulting",
        "32",
        mmu,
        "        needed, judged, no_execute",
        "        self._store(table + index, entry | ACCESSED)\n        needed, judged, no_execute",
    ),
    ("reserved-bits-ignored", "4level", mmu, "(leaf_wrong if leaf else table_wrong)", "P"),
    ("reserved-without-p", "pae", mmu, "ERROR_P | ERROR_RSVD if", "ERROR_RSVD if"),
    (
        "reserved-before-present",
        "4level",
        mmu,
        "if entry & P else 0",
        "if entry & P | entry >> 40 else 0",
    ),
    ("protection-without-p", "32", mmu, "access, ERROR_P)", "access, 0)"),
    ("no-user-bit-in-code", "32", access_rights, "code | ERROR_U", "code"),
    ("no-write-bit-in-code", "32", access_rights, "ERROR_W if write", "0 if write"),
    ("fetch-bit-always", "32", access_rights, "fetch and reports_fetch", "fetch"),
    ("fetch-bit-never", "4level", access_rights, "fetch and reports_fetch", "False"),
    ("canonical-unchecked", "4level", mmu, "if upper and upper != self._upper_ones:", "if False:"),
    ("canonical-at-47-in-5level", "5level", mmu, "= mode.linear_bits - 1", "= 47"),
    (
        "address-keeps-flags",
        "32",
        mmu,
        "table = entry & ADDRESS_MASK",
        "table = entry & (ADDRESS_MASK | 0x800)",
    ),
    ("large-page-keeps-pat", "pae", mmu, "frame & page, shift", "frame, shift"),
    ("pse-without-cr4", "32", paging_modes, "(with_pse and pse)", "with_pse"),
    (
        "no-1-gib-pages",
        "4level",
        paging_modes,
        '"PDPTE", 30, 9, Leaf.WITH_PS',
        '"PDPTE", 30, 9, Leaf.NEVER',
    ),
    (
        "pml4-takes-ps",
        "4level",
        paging_modes,
        '"PML4E", 39, 9, Leaf.NEVER',
        '"PML4E", 39, 9, Leaf.WITH_PS',
    ),
    ("index-of-8-bits", "4level", paging_modes, '"PTE", 12, 9', '"PTE", 12, 8'),
    ("nx-allowed-without-nxe", "4level", paging_modes, "| (0 if nxe else NX)", "| 0"),
    ("large-page-low-bits-free", "pae", paging_modes, "high | _bits(13, level.shift - 1)", "high"),
]


def load_mutant(module, rule, broken):
    """The type ``Mmu`` as it is when ``rule`` reads ``broken`` in ``module``."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert rule in source, f"{rule!r} no longer stands in {module.__name__}"
    names = (paging_modes.__name__, access_rights.__name__, mmu.__name__)
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
