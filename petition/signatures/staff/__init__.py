"""What the team does to signatures: actions, edits, invalidation, organisations, history."""
