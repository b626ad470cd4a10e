"""Signatures on paper: read from a file, imported, counted, undone."""
