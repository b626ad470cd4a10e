"""Signatures on paper: read a file, import it, count it, undo it."""
