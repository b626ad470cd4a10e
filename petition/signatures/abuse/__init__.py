"""Tell people from machines: attacked petitions, proofs of work, disposable domains, presses of buttons."""
