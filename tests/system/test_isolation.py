"""What a forked reader may do: answer, refuse, crash, hang; and what the machine may refuse."""

import faulthandler
import os
import signal
import time

import pytest

from vqa.system import isolation
from vqa.system.errors import RunError, UserError
from vqa.system.isolation import ReaderCrash, guarded, guarded_each


def behave(name: str) -> str:
    if name == "crashes":
        faulthandler.disable()  # pytest's report of a crash that is meant
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "hangs":
        time.sleep(60)
    if name == "circles":
        while True:
            pass
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "refuses":
        raise UserError("refuses: says why")
    return f"{name} {os.getpid()}"


def test_one_process_reads_all_files_and_one_that_crashes_is_named():
    found = list(guarded_each(behave, ["a", "refuses", "b", "crashes", "c", "d"], hint="delete it"))
    assert [type(each) for each in found] == [str, UserError, str, ReaderCrash, str, str]
    assert "crashes: is damaged, its reader crashes; delete it" in str(found[3])
    first, second = found[0].split()[1], found[4].split()[1]
    assert found[2] == f"b {first}" and found[5] == f"d {second}" and first != second


def test_reading_many_files_forks_once(monkeypatch):
    forks, fork = [], os.fork
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or fork())
    assert len(list(guarded_each(behave, [str(i) for i in range(500)], hint=""))) == 500
    assert len(forks) == 1


def test_a_file_that_gives_no_answer_is_a_failure_of_the_run_not_of_the_file(monkeypatch):
    monkeypatch.setattr(isolation, "_SECONDS", 0.3)
    with pytest.raises(RunError, match="hangs: no answer"):
        guarded(behave, "hangs", hint="delete it")


def test_the_limit_is_for_each_file_and_grows_with_their_number(monkeypatch):
    monkeypatch.setattr(isolation, "_SECONDS", 0.5)
    found = list(guarded_each(slow, range(8), hint=""))
    assert found == list(range(8))


def slow(number: int) -> int:
    time.sleep(0.1)
    return number


def test_a_refused_fork_is_a_failure_of_the_run(monkeypatch):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(RunError, match=r"no process can be started.*temporarily unavailable"):
        guarded(behave, "a", hint="delete it")


def test_a_killed_reader_is_a_failure_of_the_run():
    with pytest.raises(RunError, match="was killed"):
        guarded(behave, "killed", hint="delete it")


def test_a_reader_that_runs_in_circles_is_the_files_fault_and_the_next_file_is_read(monkeypatch):
    monkeypatch.setattr(isolation, "_SECONDS", 2)
    found = list(guarded_each(behave, ["a", "circles", "b"], hint="delete it"))
    assert [type(each) for each in found] == [str, ReaderCrash, str]
    assert str(found[1]) == "circles: is damaged, its reader finds no end; delete it"
