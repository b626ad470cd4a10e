"""Pages of operations: dashboard, actions, bounces, suppressions, metrics."""
