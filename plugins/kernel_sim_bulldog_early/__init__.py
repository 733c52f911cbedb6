"""Bulldog as its overview describes it: a free-frame list, global pages and guard pages."""
