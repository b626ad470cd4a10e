"""Public pages of the count's log, and the signer's receipt."""
