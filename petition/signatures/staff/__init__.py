"""Staff actions on signatures: one signature, many at once, organisations; and a signature's history."""
