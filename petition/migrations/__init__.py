"""Schema changes, which run forwards on a live database."""
