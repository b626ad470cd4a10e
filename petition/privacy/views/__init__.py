"""Pages of requests of persons, on the desk."""
