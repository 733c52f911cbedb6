"""Devices of the simulated machine, and the bus that leads to them."""
