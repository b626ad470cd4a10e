"""Documents for people: the letter, its signatories, poster, sheet, card and the dossier that is handed over.

Rendered by a worker in a child process, kept in PostgreSQL, served as files.
"""
