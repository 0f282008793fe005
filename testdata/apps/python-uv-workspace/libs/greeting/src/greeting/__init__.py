"""What the apps of the workspace say."""

from markupsafe import escape


def hello(name):
    """Greet a name as HTML."""
    return f"hello {escape(name)}"
