"""Grades kernel-sim labs."""
