# concept: load
# check: blocks
# expected_score: 0
"""Nothing at all."""
