"""Pacing: how fast each mail provider is mailed, and what happens when one refuses us."""
