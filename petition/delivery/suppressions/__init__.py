"""Suppressions: addresses that are never mailed again."""
