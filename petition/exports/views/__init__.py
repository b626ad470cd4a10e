"""Pages: export of signatures, public documents, documents at the desk."""
