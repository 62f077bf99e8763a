# One file, one image for each service: docker build --target registry|serving|monitor|example .
# The challenger process runs from serving's image. The bill of materials: --target sbom --output .
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS builder
ARG UV_VERSION=0.13.8
RUN --mount=type=cache,target=/root/.cache/pip pip install --root-user-action=ignore uv==${UV_VERSION}
ENV UV_PYTHON_DOWNLOADS=never \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
WORKDIR /source

# What each image is to hold, at the versions of the lock and with its digests. Layers of libraries
# hang on these lists alone, so that whatever else changes in the project leaves them as they are.
FROM builder AS locked
COPY pyproject.toml uv.lock ./
ENV EXPORT="uv export --quiet --frozen --no-dev"
ENV REGISTRY="${EXPORT} --extra registry --extra postgres --extra s3" \
    SERVING="${EXPORT} --extra serving" \
    MONITOR="${EXPORT} --extra monitor --extra postgres --extra s3" \
    EXAMPLE="${EXPORT} --extra registry --extra cli"
RUN mkdir /lists \
 && $REGISTRY --no-emit-project --no-header --no-annotate -o /lists/registry.txt \
 && $SERVING --no-emit-project --no-header --no-annotate -o /lists/serving.txt \
 && $MONITOR --no-emit-project --no-header --no-annotate -o /lists/monitor.txt \
 && $EXAMPLE --no-emit-project --no-header --no-annotate -o /lists/example.txt

FROM locked AS bills
RUN mkdir /bills \
 && $REGISTRY --format cyclonedx1.5 --preview-features sbom-export -o /bills/registry.cdx.json \
 && $SERVING --format cyclonedx1.5 --preview-features sbom-export -o /bills/serving.cdx.json \
 && $MONITOR --format cyclonedx1.5 --preview-features sbom-export -o /bills/monitor.cdx.json

FROM scratch AS sbom
COPY --from=bills /bills /

FROM builder AS libraries
COPY deploy/images/prune.sh /usr/local/bin/prune
ARG SYNC="uv pip sync --python /opt/understudy --require-hashes list.txt"
RUN uv venv --quiet /opt/understudy

FROM libraries AS registry-libraries
COPY --from=locked /lists/registry.txt list.txt
RUN --mount=type=cache,target=/root/.cache/uv ${SYNC} && bash /usr/local/bin/prune /opt/understudy

FROM libraries AS serving-libraries
COPY --from=locked /lists/serving.txt list.txt
RUN --mount=type=cache,target=/root/.cache/uv ${SYNC} && bash /usr/local/bin/prune /opt/understudy

FROM libraries AS monitor-libraries
COPY --from=locked /lists/monitor.txt list.txt
RUN --mount=type=cache,target=/root/.cache/uv ${SYNC} && bash /usr/local/bin/prune /opt/understudy

FROM libraries AS example-libraries
COPY --from=locked /lists/example.txt list.txt
RUN --mount=type=cache,target=/root/.cache/uv ${SYNC} && bash /usr/local/bin/prune /opt/understudy

# Our own code, as the wheel has it, with its bytecode: a change of it is a small layer.
FROM builder AS code
COPY pyproject.toml README.md LICENSE ./
COPY understudy understudy
COPY services services
COPY examples examples
RUN --mount=type=cache,target=/root/.cache/uv uv build --quiet --wheel --out-dir /wheels \
 && uv pip install --quiet --no-deps --target /app /wheels/*.whl \
 && rm -rf /app/bin /app/.lock \
 && python3 -m compileall -q -f --invalidation-mode unchecked-hash /app \
 && mkdir /metadata && mv /app/understudy-*.dist-info /metadata

# What all services share: a user without rights or a home, and the folder for state.
FROM ${PYTHON_IMAGE} AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Understudy" \
      org.opencontainers.image.description="Model serving in which every main model works next to a challenger" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The interpreter's own pip would be the only installer left.
RUN rm -rf /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
           /usr/local/bin/pip* /usr/local/bin/wheel \
 && install -d -o 10001 -g 10001 /var/lib/understudy
ENV PATH=/opt/understudy/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UNDERSTUDY_HOST=0.0.0.0 \
    UNDERSTUDY_STATE_DIR=/var/lib/understudy \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    DO_NOT_TRACK=1
WORKDIR /app
VOLUME /var/lib/understudy
STOPSIGNAL SIGTERM

FROM base AS registry
LABEL org.opencontainers.image.title="Understudy registry"
COPY --from=registry-libraries /opt/understudy /opt/understudy
COPY --from=code /app/understudy understudy
COPY --from=code /metadata ./
COPY --from=code /app/services/__init__.py services/__init__.py
COPY --from=code /app/services/__pycache__ services/__pycache__
COPY --from=code /app/services/registry services/registry
USER 10001:10001
EXPOSE 8701
HEALTHCHECK --interval=5s --timeout=5s --start-period=300s --retries=6 \
  CMD ["python", "-m", "understudy.runtime.probe", "http://127.0.0.1:8701/readyz"]
ENTRYPOINT ["python", "-m"]
CMD ["services.registry"]

FROM base AS serving
LABEL org.opencontainers.image.title="Understudy serving and challenger"
COPY --from=serving-libraries /opt/understudy /opt/understudy
COPY --from=code /app/understudy understudy
COPY --from=code /metadata ./
COPY --from=code /app/services/__init__.py services/__init__.py
COPY --from=code /app/services/__pycache__ services/__pycache__
COPY --from=code /app/services/serving services/serving
ENV BENTOML_HOME=/var/lib/understudy/bentoml \
    BENTOML_DO_NOT_TRACK=True
USER 10001:10001
EXPOSE 8700 8704 8706
HEALTHCHECK --interval=5s --timeout=5s --start-period=300s --retries=6 \
  CMD ["python", "-m", "understudy.runtime.probe", "http://127.0.0.1:8700/readyz"]
ENTRYPOINT ["python", "-m"]
CMD ["bentoml", "serve", "services.serving.bento:Understudy", "--host", "0.0.0.0", "--port", "8700"]

FROM base AS monitor
LABEL org.opencontainers.image.title="Understudy monitor"
COPY --from=monitor-libraries /opt/understudy /opt/understudy
COPY --from=code /app/understudy understudy
COPY --from=code /metadata ./
COPY --from=code /app/services/__init__.py services/__init__.py
COPY --from=code /app/services/__pycache__ services/__pycache__
COPY --from=code /app/services/monitor services/monitor
# See understudy/launch/plan.py: without them a monitor holds some tens of MB more.
ENV MALLOC_ARENA_MAX=2 \
    ARROW_DEFAULT_MEMORY_POOL=system
USER 10001:10001
EXPOSE 8702
HEALTHCHECK --interval=5s --timeout=5s --start-period=300s --retries=6 \
  CMD ["python", "-m", "understudy.runtime.probe", "http://127.0.0.1:8702/readyz"]
ENTRYPOINT ["python", "-m"]
CMD ["services.monitor"]

# Draws keys and passwords into a volume for each container. A volume that is new takes the owner of
# the folder that it is mounted at, so that no container needs to be root.
FROM registry AS installation
LABEL org.opencontainers.image.title="Understudy installation"
USER 0
RUN for name in registry serving challenger monitor example redis prometheus alertmanager grafana \
      postgres objects redis-data backups; do install -d -o 10001 -g 10001 "/run/understudy/$name"; done
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "understudy.launch.installation"]
CMD ["--help"]

# The command line and the examples: loads them, sends traffic, lets it drift.
FROM base AS example
LABEL org.opencontainers.image.title="Understudy examples and command line"
COPY --from=example-libraries /opt/understudy /opt/understudy
COPY --from=code /app/understudy understudy
COPY --from=code /metadata ./
COPY --from=code /app/examples examples
USER 10001:10001
# It waits for nobody and answers nobody: there is nothing to ask.
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m"]
CMD ["examples.story", "load"]
