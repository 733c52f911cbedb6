# concept: load
# check: tables
# expected_score: 0
"""Nothing but this line."""

