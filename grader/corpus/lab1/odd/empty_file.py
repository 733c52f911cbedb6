# concept: load
# check: regions-pc128
# expected_score: 0
"""Nothing but this line."""
