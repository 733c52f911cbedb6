"""The checks of the labs: generators, reference models, verdicts and counterexamples."""
