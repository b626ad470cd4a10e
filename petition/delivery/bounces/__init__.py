"""What comes back: bounces, complaints and requests to stop, from a mailbox or a provider's webhook.

A report is read (`read`) and taken (`take`): matched with its delivery by a return path that nobody can forge, recorded
once, and acted on. What cannot be understood is kept for a person to look at.
"""
