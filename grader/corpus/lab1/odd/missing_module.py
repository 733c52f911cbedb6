# concept: load
# check: regions-pc128
# expected_score: 0
"""Imports what nobody has."""

import kernel_sim_helpers_of_my_friend
