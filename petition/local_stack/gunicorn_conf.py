"""gunicorn's settings for the web processes of `petition up`; the address comes on the command line."""

worker_class = "petition.core.gunicorn_worker.LeastConnectionsWorker"
workers = 2  # measured best with the engines and workers on the same cores: docs/performance
threads = 3
preload_app = True
keepalive = 5  # seconds
timeout = 30  # seconds
graceful_timeout = 5  # seconds
# An access log would contain signers' network addresses and the tokens of their links.
accesslog = None
errorlog = "-"
loglevel = "warning"
# Two stacks of one user would share the control socket.
control_socket_disable = True
