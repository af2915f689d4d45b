"""The worker process: enqueued jobs, the outbox, and what is done every so often."""
