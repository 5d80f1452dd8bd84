# The bot in a container: see docs/hosting.md. It answers and trains on processors with VARIANT=cpu; VARIANT=cuda has torch
# with CUDA, much larger, for a host with an NVIDIA GPU. Nothing secret is needed to build it, and none gets into it.

ARG VARIANT=cpu

FROM python:3.11.17-slim-trixie@sha256:45037981b62b34b44602584fccbc4d884d5f7dc92c7ee86bb38a698a79fe1e51 AS base

FROM base AS wheel
# Set by buildx from the commit: files are dated, and bytecode is checked, by it and not by the hour of the build.
ARG SOURCE_DATE_EPOCH
WORKDIR /src
RUN pip install --no-cache-dir setuptools==84.2.1
COPY pyproject.toml README.md LICENSE ./
COPY recommender recommender
COPY storage storage
COPY jobs jobs
COPY bot bot
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM base AS venv
ARG SOURCE_DATE_EPOCH
ARG VARIANT
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt /
RUN python -m venv /opt/indiean
# Alone and without what it needs: an index beside PyPI must not be asked for anything else.
RUN case "${VARIANT}" in \
      cpu) index=https://download.pytorch.org/whl/cpu ;; \
      cuda) index=https://pypi.org/simple ;; \
      *) echo "VARIANT is cpu or cuda, and not ${VARIANT}" >&2; exit 2 ;; \
    esac \
 && /opt/indiean/bin/pip install --no-cache-dir --no-deps --constraint /constraints.txt --index-url "${index}" torch
COPY --from=wheel /wheels /wheels
RUN /opt/indiean/bin/pip install --no-cache-dir --constraint /constraints.txt /wheels/indiean-*.whl \
 && /opt/indiean/bin/pip check

FROM base AS run
LABEL org.opencontainers.image.title="IndieAn" \
      org.opencontainers.image.description="A bot for Discord and Slack that recommends indie games" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 indiean \
 && useradd --uid 10001 --gid indiean --home-dir /data --no-create-home --shell /usr/sbin/nologin indiean \
 && install --directory --owner indiean --group indiean --mode 0750 /data
COPY --from=venv /opt/indiean /opt/indiean
# All interfaces of the container: who reaches it from outside is for the host to say.
ENV PATH=/opt/indiean/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    INDIEAN_HOME=/data \
    INDIEAN_WEB_HOST=0.0.0.0 \
    INDIEAN_WEB_PORT=8080 \
    INDIEAN_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# The bot drains on SIGTERM and is gone within 30 s. As process 1 it would not end at once on the second one, as the kernel
# keeps from process 1 what it does not handle: run it with --init (compose.yaml does).
STOPSIGNAL SIGTERM
# hadolint ignore=DL3025
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --start-interval=2s --retries=3 \
    CMD python -m bot.probe "http://127.0.0.1:${INDIEAN_WEB_PORT}/healthz"
ENTRYPOINT ["indiean"]
CMD ["serve"]
