"""What a program said, without the frames that its language puts below it."""

import json

import pytest

from kyma_harness.wait.loglines import LONGEST, last_error, last_said, read

AT = "2022-12-05T19:53:13.000000000Z"


def logged(text):
    return read("".join(f"{AT} {line}\n" for line in text.strip("\n").splitlines()))


def sentences(text):
    return [line.sentence for line in logged(text)]


ZAP = """
2022-12-05T19:53:12.000Z	INFO	controller.sample	object not found, skipping delete	{"name": "x"}
2022-12-05T19:53:13.000Z	ERROR	sample	Reconciler error	{"error": "configmap \\"x\\" is forbidden"}
sigs.k8s.io/controller-runtime/pkg/internal/controller.(*Controller).reconcileHandler
	/go/pkg/mod/sigs.k8s.io/controller-runtime@v0.13.1/pkg/internal/controller/controller.go:326
sigs.k8s.io/controller-runtime/pkg/internal/controller.(*Controller).Start.func2.2
	/go/pkg/mod/sigs.k8s.io/controller-runtime@v0.13.1/pkg/internal/controller/controller.go:234
runtime.goexit
	/usr/local/go/src/runtime/proc.go:290
"""
PANIC = """
I1205 19:53:13.000000       1 main.go:12] starting
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4ad0f6]

goroutine 1 [running]:
main.(*Lamp).light(...)
	/src/main.go:9
main.main()
	/src/main.go:14 +0x16
created by main.start in goroutine 1
	/src/main.go:20 +0x1d
exit status 2
"""
KLOG = """
I1205 19:53:12.000000       1 leaderelection.go:248] attempting to acquire leader lease
E1205 19:53:13.000000       1 reflector.go:138] failed to watch *v1.Lamp: lamps is forbidden
goroutine 7 [running]:
k8s.io/client-go/tools/cache.(*Reflector).Run(0xc0, 0x1)
	/go/pkg/mod/k8s.io/client-go@v0.25.0/tools/cache/reflector.go:221 +0x5c
"""
STRUCTURED_KLOG = """
E1205 19:53:13.000000       1 controller.go:9] "Reconciler error" err="no bulb: \\"E27\\"" lamp="shop/kitchen"
"""
PYTHON = """
INFO:lamp:light is on
Traceback (most recent call last):
  File "/app/manager.py", line 12, in <module>
    main()
    ~~~~^^
  File "/app/manager.py", line 8, in main
    lamps["kitchen"]
KeyError: 'kitchen'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/manager.py", line 14, in <module>
    raise RuntimeError("no lamp")
RuntimeError: no lamp
"""
GROUP = """
  + Exception Group Traceback (most recent call last):
  |   File "/app/manager.py", line 3, in <module>
  |     raise ExceptionGroup("two", [ValueError("a"), OSError("b")])
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/app/manager.py", line 1, in <module>
    |     open("b")
    | OSError: b
    +------------------------------------
"""
JAVA = """
19:53:13.000 [main] ERROR lamp.Manager - no bulb
	at lamp.Manager.light(Manager.java:12)
	at lamp.Manager.main(Manager.java:3)
	... 12 more
"""


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (ZAP, ["object not found, skipping delete", 'Reconciler error: configmap "x" is forbidden']),
        (PANIC, ["starting", "panic: runtime error: invalid memory address or nil pointer dereference"]),
        (
            KLOG,
            [
                "attempting to acquire leader lease",
                "failed to watch *v1.Lamp: lamps is forbidden",
            ],
        ),
        (STRUCTURED_KLOG, ['Reconciler error: no bulb: "E27"']),
        (PYTHON, ["INFO:lamp:light is on", "KeyError: 'kitchen'", "RuntimeError: no lamp"]),
        (GROUP, ["ExceptionGroup: two (2 sub-exceptions)", "ValueError: a", "OSError: b"]),
        (JAVA, ["19:53:13.000 [main] ERROR lamp.Manager - no bulb"]),
    ],
    ids=["zap", "panic", "klog", "structured klog", "python", "group", "java"],
)
def test_frames_are_no_part_of_what_was_said(log, said):
    assert sentences(log) == said


@pytest.mark.parametrize(
    ("log", "error"),
    [
        (ZAP, 'Reconciler error: configmap "x" is forbidden'),
        (PANIC, "panic: runtime error: invalid memory address or nil pointer dereference"),
        (KLOG, "failed to watch *v1.Lamp: lamps is forbidden"),
        (STRUCTURED_KLOG, 'Reconciler error: no bulb: "E27"'),
        (PYTHON, "RuntimeError: no lamp"),
        (JAVA, "19:53:13.000 [main] ERROR lamp.Manager - no bulb"),
        (
            '{"level": "error", "msg": "pass failed", "error": "no bulb", "stacktrace": "main.go:1"}',
            "pass failed: no bulb",
        ),
        ('{"severity": "CRITICAL", "message": "no bulb"}', "no bulb"),
        ("time=2022 level=error msg=no", "time=2022 level=error msg=no"),
        ("all is well", ""),
        ('{"level": "info", "msg": "an error is not this"}', ""),
    ],
)
def test_the_last_error_is_known_by_its_level(log, error):
    assert last_error(logged(log)) == error


def test_an_error_about_the_object_counts_before_a_later_one_about_another():
    log = "\n".join(
        json.dumps({"level": "error", "msg": "pass failed", "lamp": name, "error": f"no bulb for {name}"})
        for name in ("shop/kitchen", "shop/cellar")
    )

    assert last_error(logged(log), "kitchen") == "pass failed: no bulb for shop/kitchen"
    assert last_error(logged(log), "attic") == "pass failed: no bulb for shop/cellar"


def test_without_an_error_what_came_last_is_what_was_said():
    assert last_said(logged("one\ntwo")) == "two"
    assert last_said([]) == ""


def test_a_stack_within_json_is_left_out_and_a_traceback_there_is_its_last_line():
    traceback = 'Traceback (most recent call last):\n  File "x", line 1\nValueError: no bulb'
    (line,) = logged(
        json.dumps(
            {"level": "error", "event": "failed", "exception": traceback, "stack": "x\ny", "lamp": "kitchen"}
        )
    )

    assert line.sentence == "failed: ValueError: no bulb"
    assert line.text == AT + ' error failed: ValueError: no bulb {"lamp": "kitchen"}'


def test_what_is_endless_is_cut_and_its_names_are_found_all_the_same():
    (line,) = logged("x" * 5000 + " kitchen ERROR")

    assert len(line.text) == LONGEST + 2
    assert "kitchen" in line.full


def test_our_own_remarks_are_nothing_the_program_said():
    assert read("(cut: the last 10 lines are kept)\n") == []
