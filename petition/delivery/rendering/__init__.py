"""Rendering: email templates prepared once for many recipients, and the MIME message of each."""
