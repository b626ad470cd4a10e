"""HTTP around the views: host names, compression, static files."""
