"""An email-verified petition backend.

`petition.app` creates the application; docs/architecture.md describes each package.
"""
