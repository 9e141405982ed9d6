from shared import meet


def test_that_goes_on_when_told_to(testbed):
    meet("waiting", "go on")
