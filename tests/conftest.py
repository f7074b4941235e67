"""For all tests."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A background shell starts its jobs with interrupts ignored, and every process below inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
