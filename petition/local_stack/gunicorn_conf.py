"""How the web processes of `petition up` run; the address comes on the command line."""

worker_class = "petition.core.gunicorn_worker.LeastConnectionsWorker"
workers = 2  # one to a core, where the engines and the workers have the same cores: docs/performance
threads = 3
preload_app = True
keepalive = 5  # seconds
timeout = 30  # seconds
graceful_timeout = 5  # seconds
# A log of requests would hold addresses of signers' networks and the tokens of their links.
accesslog = None
errorlog = "-"
loglevel = "warning"
# A control socket would be shared by two stacks of one user.
control_socket_disable = True
