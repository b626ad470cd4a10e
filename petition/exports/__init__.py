"""What leaves the desk as a file: signatures as CSV."""
