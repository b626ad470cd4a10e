"""What operators change: deliveries, queues, mail providers, suppressions."""
