# One image for the action, for Jenkins agents and for people. Every builder builds it: no syntax line, no
# RUN --mount, no heredoc. It runs as root (GitHub's runner wants that) and as any other user.
# Dependabot moves the base's version and digest, and reads them here only, not from an ARG; nothing below names its
# version. Where no registry can be reached, `make image BASE=…` begins with another.
FROM python:3.14-slim-trixie@sha256:51dafde81dbdb6ebde285137a295cf18a47ca95234fe388a343719cb97305b3d AS build

# No bytecode from pip: it would be checked against the sources' times. The last step makes better one.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore

# The build's own tools are pinned too, so nothing may fetch others (--no-build-isolation).
COPY requirements.txt requirements-build.txt /build/
RUN pip install --require-hashes --target /build/tools --requirement /build/requirements-build.txt \
 && PYTHONPATH=/build/tools pip wheel --require-hashes --no-build-isolation --wheel-dir /build/wheels \
    --requirement /build/requirements.txt \
 && pip install --no-index --no-deps /build/wheels/*.whl

# Without the demo's servers, which .dockerignore leaves out: an image that holds tokens needs no such thing.
COPY pyproject.toml README.md LICENSE /build/project/
COPY src /build/project/src
RUN PYTHONPATH=/build/tools pip wheel --no-deps --no-build-isolation --wheel-dir /build /build/project \
 && pip install --no-index --no-deps /build/*.whl

# What only a build needs goes: pip, setuptools (pbr asks for it and never imports it), headers, and the parts of
# the standard library for windows and for its own tests. All that stays is compiled: a container does not keep
# what it compiles, so every start would pay for it again.
RUN pip uninstall --yes --quiet setuptools pip \
 && rm -rf /build /root/.cache /usr/local/include \
    /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/idlelib /usr/local/lib/python3.*/test \
    /usr/local/lib/python3.*/tkinter /usr/local/lib/python3.*/turtledemo /usr/local/lib/python3.*/turtle.py \
 && find /usr/local -depth -name __pycache__ -exec rm -rf {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /usr/local/lib/python3.*

# The whole tree in one layer, because a layer on top of the base would still carry what was removed from it.
FROM scratch
# hadolint ignore=DL3067
COPY --from=build / /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL org.opencontainers.image.title="test-executions-rerunner" \
      org.opencontainers.image.description="Start again the CI runs that Test Observer was asked to have started again" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/local/bin/test-executions-rerunner"]
