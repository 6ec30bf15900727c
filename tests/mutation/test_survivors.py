"""The list of survivors, without mutmut."""

import pkgutil
import tomllib

from tests.mutation.survivors import FILE, UNEXPLAINED, Survivor, explained, stubs

DIFF = """--- vqa/a.py
+++ vqa/a.py
@@ -1,3 +1,3 @@
 def f(x):
-    return x + 1
+    return x - 1
"""


def test_a_survivor_is_told_by_function_and_change():
    assert Survivor.of("vqa.a.x_f__mutmut_3", DIFF).line == "vqa.a.f: return x + 1 -> return x - 1"
    assert Survivor.of("vqa.a.xǁBoxǁ_f__mutmut_3", DIFF).line == "vqa.a.Box._f: return x + 1 -> return x - 1"


def test_what_has_no_reason_becomes_a_stub():
    new = Survivor.of("vqa.a.x_f__mutmut_3", DIFF)
    assert explained([new]) == {UNEXPLAINED: [new]}
    assert tomllib.loads(stubs([new])) == {"reason": [{"why": "", "mutants": [new.line]}]}


def test_every_reason_names_code_that_is_there():
    for entry in tomllib.loads(FILE.read_text())["reason"]:
        assert entry["why"] and entry["mutants"]
        for line in entry["mutants"]:
            function, change = line.split(": ", 1)
            assert callable(pkgutil.resolve_name(function)) and " -> " in change
