"""Webhooks: endpoints, the events that they ask for, and how these are sent."""
