"""The program ``kyma-harness``, also as ``python -m kyma_harness``.

It imports nothing before somebody who presses Ctrl-C is heard.
"""

import os
import signal

_INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    # There is nothing to clean up yet, and an interrupted import has a traceback of other people's code.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from kyma_harness.cli import commands  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, signal.default_int_handler)
    commands(prog_name="kyma-harness")


if __name__ == "__main__":
    main()
