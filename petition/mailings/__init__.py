"""Follow-up mailings: to everyone who agreed, once, and to nobody else.

A mailing is written (`write`), its audience chosen (`segment`) and counted (`audience`), tried on colleagues
(`rehearse`), scheduled (`schedule`), frozen into one delivery row for each recipient (`freeze`), and watched
(`progress`, `watch`). Each row is sent by the worker of the mailings lane, which reads consent again as it composes
(`emails`); a recipient stops them by one press (`unsubscribe`).
"""
