"""The app's own package, which Poetry installs with the others."""

import platform
from importlib.metadata import version


def greeting() -> str:
    return f"Starlette {version('starlette')} on Python {platform.python_version()}, greeter {version('python-poetry')}"
