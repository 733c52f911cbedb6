"""The order in which plugins are asked: by rank, then by name, whatever the order of loading."""

from kernel_sim.host.implementations import Implementation
from kernel_sim.host.registration import Registration


def rank(registration: Registration) -> int:
    """0 for the plugin that fills ``guard``, 1 for a pager, 2 for all others."""
    if "guard" in registration.roles:
        return 0
    return 1 if registration.plugin.is_pager else 2


def in_order(registrations: list[Registration]) -> list[Registration]:
    """The plugins in the order in which chain hooks ask them."""
    return sorted(registrations, key=lambda item: (rank(item), item.plugin.name))


def chain_order(
    hook: str, links: list[tuple[Registration, Implementation]]
) -> list[tuple[Registration, Implementation]]:
    """The links of one hook: ``tryfirst`` and ``trylast`` count everywhere but in `page_fault`."""
    if hook == "page_fault":
        return links
    return sorted(links, key=lambda link: link[1].trylast - link[1].tryfirst)
