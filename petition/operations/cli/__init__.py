"""Commands `petition queue`, `petition bounces` and `petition suppressions`."""
