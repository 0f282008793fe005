"""An API that says what runs it."""

import platform
from importlib.metadata import version

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def index() -> dict[str, str]:
    return {"fastapi": version("fastapi"), "python": platform.python_version()}


@app.get("/double/{number}")
def double(number: int) -> dict[str, int]:
    return {"double": 2 * number}
