"""Hidden checks. They stay with the grader: no student's package and no worker holds them."""
