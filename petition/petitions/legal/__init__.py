"""Who is behind a petition: the legal notice and the privacy notice, of the site or of one petition."""
