"""An email-verified petition backend.

`petition.app` creates the application; docs/architecture.md says what each package is for.
"""
