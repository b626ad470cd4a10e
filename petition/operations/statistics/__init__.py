"""Statistics of the queues, now and over months: read, rolled up, compared with the rows, shown."""
