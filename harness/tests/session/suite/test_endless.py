import os
import threading

from shared import MEETING


def test_that_does_not_end_by_itself(testbed):
    is_second_try = any(MEETING.glob("*.endless"))
    (MEETING / f"{os.getpid()}.endless").touch()

    if not is_second_try:
        threading.Event().wait()
