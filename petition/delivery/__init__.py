"""Every email leaves through here.

A feature posts a row (`post`) in the transaction of what caused the email, and the doorbell rings the lane's worker
after the commit. The worker claims due rows, composes, sends and records (`dispatch`). The row is the truth; a ring
that is lost costs seconds, because beat rings every lane as well.
"""
