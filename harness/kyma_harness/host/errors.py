"""What can go wrong between the harness and the machine it runs on.

HarnessError                 what the harness raises on purpose: shown as a sentence, never as a traceback
 ├ SpawnError                a program could not be started at all
 ├ CommandError              a program ended with a failure, or not in time
 ├ PortTakenError            the wanted port belongs to somebody else
 ├ NoPortLeftError           the whole range is reserved or in use
 ├ NoNetworkLeftError        every loopback network is reserved
 ├ LockHeldError             somebody else holds a lock for longer than we are willing to wait
 ├ UnsafeFolderError         a folder meant for secrets is open to other users
 ├ PlaceError                a folder or file that we need cannot be used, or there is no room
 └ ForeignFolderError        a folder that was to be removed has nothing of ours
"""


class HarnessError(Exception):
    """Say what happened, to which object, and what to do about it.

    ``remedy`` is the part that says what to do, where it can be told apart: it ends the sentence.
    ``timed_out`` tells that something was waited for which may still come.
    """

    def __init__(self, message: str, *, remedy: str = "", timed_out: bool = False) -> None:
        super().__init__(f"{message}: {remedy}" if remedy else message)
        self.remedy = remedy
        self.timed_out = timed_out

    def add(self, said: str) -> None:
        """Say one thing more, below what was said."""
        self.args = (f"{self}\n{said}",)


def also(error: BaseException, said: str) -> None:
    """Add to an error what went wrong besides: it is still the error that is told."""
    if isinstance(error, HarnessError):
        error.add(said)
    else:
        error.add_note(said)


class SpawnError(HarnessError):
    """Report a program that could not be started."""


class CommandError(HarnessError):
    """Report a program that ended badly, with the last lines it wrote."""

    def __init__(
        self, message: str, *, returncode: int | None = None, output: str = "", timed_out: bool = False
    ) -> None:
        super().__init__(f"{message}\n{output}" if output else message, timed_out=timed_out)
        self.returncode = returncode
        self.output = output


class PortTakenError(HarnessError):
    """Report a port that somebody else listens on or has reserved."""


class NoPortLeftError(HarnessError):
    """Report that no port of the range is free."""


class NoNetworkLeftError(HarnessError):
    """Report that no loopback network is free."""


class LockHeldError(HarnessError):
    """Report a lock that its holder did not let go of in time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, timed_out=True)


class UnsafeFolderError(HarnessError):
    """Report a folder that other users could write to or read from."""


class PlaceError(HarnessError):
    """Report a folder or a file that the system does not let us use."""


class ForeignFolderError(HarnessError):
    """Report a folder that is not removed, as nothing in it was written by us."""
