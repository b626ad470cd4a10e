# Every process of the application runs from this one image; compose.yaml says which command each service gets.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# uv, and what builds packages that come as source, in an environment that is not part of the image.
COPY requirements/build.txt requirements/
RUN python -m venv /tools && /tools/bin/pip install --quiet --require-hashes -r requirements/build.txt

# The dependencies change less often than the code: their layer is cached. Each is checked against its hash here.
COPY requirements/image.txt requirements/
RUN /tools/bin/pip wheel --quiet --no-build-isolation --require-hashes --wheel-dir /wheels -r requirements/image.txt \
    && python -m venv --without-pip /venv \
    && /tools/bin/uv pip install --quiet --python /venv/bin/python --compile-bytecode --no-index --no-deps /wheels/*.whl

COPY pyproject.toml setup.py LICENSE config.py worker.py wsgi.py ./
COPY petition petition
RUN /tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /tools/bin/uv pip install --quiet --python /venv/bin/python --compile-bytecode --no-index --no-deps /wheel/*.whl


FROM python:3.13-slim
RUN groupadd --gid 10001 petition \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin petition \
    && install --directory --owner 10001 --group 10001 --mode 700 /journal
COPY --from=build /venv /venv
# WEB_CONCURRENCY is gunicorn's number of processes.
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 WEB_CONCURRENCY=2
# Python imports from the working directory: one that the process cannot write to.
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
# No access log: paths contain signers' tokens. The application logs requests without them.
CMD ["gunicorn", "wsgi:app", "--bind", "0.0.0.0:8000", "--preload", "--worker-class", "petition.core.gunicorn_worker.LeastConnectionsWorker", "--threads", "3", "--timeout", "30", "--graceful-timeout", "20", "--keep-alive", "5", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
