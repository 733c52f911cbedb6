# concept: load
# check: usable-frames
# expected_score: 0
"""Nothing at all."""

