"""Names and organisations that the team reads before, or again after, they stand in the public list."""
