"""Commands of operations: `petition queue`, `bounces` and `suppressions`."""
