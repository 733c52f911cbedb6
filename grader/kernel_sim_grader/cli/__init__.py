"""The instructor's commands of ``ksim``: one module each, found by entry points."""
