"""The audience of a mailing: segment, preview of its size, materialised rows, send rate."""
