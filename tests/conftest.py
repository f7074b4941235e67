"""For all tests."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A background shell starts its jobs with interrupts ignored, and every process below inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Begin with the README's commands, which take minutes, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")
