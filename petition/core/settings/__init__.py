"""Values of settings: parsed, and checked against each other."""
