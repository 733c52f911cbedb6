"""Pictures of the machine: each has a text form and, for a notebook, an SVG or HTML form.

Colour never stands alone: every kind of memory also has a letter and a pattern.
"""
