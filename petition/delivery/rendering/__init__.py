"""Rendering: templates worked through once for many recipients, and the MIME message of each."""
