"""How the web processes of `petition up` run; the address comes on the command line."""

worker_class = "gthread"
workers = 4  # two to a core: what these runs chose (docs/performance)
threads = 2
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
