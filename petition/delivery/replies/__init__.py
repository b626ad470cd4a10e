"""What mail servers and providers mean: one classifier for SMTP replies, bounces and webhooks, and its tables."""
