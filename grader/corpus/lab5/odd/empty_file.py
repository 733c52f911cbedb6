# concept: load
# check: stack-guard
# expected_score: 0
# Nothing at all.
