#!/usr/bin/env python3
"""Runs scenarios (scenario_*.py) on the running kernel, each in namespaces of its own.

  scenarios.py [--group G] [--only REGEX] [--smoke] [--jobs N] [--list] [--keep DIR]

One line per scenario with its seconds; a failed one is followed by its logs. Meant for the guest
of run-in-vm: it needs root and loads modules. With --keep the logs of failed scenarios are copied
to DIR (default /out, if there is one).
"""

import argparse
import importlib
import os
import re
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import lab
from registry import SCENARIOS

HERE = Path(__file__).resolve().parent


def load():
    for path in sorted(HERE.glob("scenario_*.py")):
        importlib.import_module(path.stem)


def terminated(*_):
    raise lab.Failure("took longer than the scenario may")


def child(scenario, index, output):
    """In a process of its own: a scenario cannot harm another, and can be stopped."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGTERM, terminated)
    status = 1
    place = lab.Lab(scenario.name, f"s{index}-")
    try:
        scenario.function(place)
        place.check_captures(scenario.captures)
        status = 0
    except lab.Failure as failure:
        frame = traceback.extract_tb(failure.__traceback__)
        where = [f for f in frame if "/scenario_" in f.filename]
        print(f"{failure}\n  at " + ", ".join(f"{Path(f.filename).name}:{f.lineno}" for f in where))
    except BaseException:
        traceback.print_exc()
    if status:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        print(place.logs(), flush=True)
    try:
        place.close()
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status)


class Running:
    def __init__(self, scenario, index, directory):
        self.scenario = scenario
        self.path = directory / f"output-{index}"
        self.started = time.monotonic()
        self.asked_to_stop = False
        output = os.open(self.path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        self.pid = os.fork()
        if self.pid == 0:
            child(scenario, index, output)
        os.close(output)

    def seconds(self):
        return time.monotonic() - self.started

    def poll(self):
        """None while it runs, else whether it passed."""
        if self.seconds() > self.scenario.seconds * lab.SLOWNESS and not self.asked_to_stop:
            self.asked_to_stop = True
            os.kill(self.pid, signal.SIGTERM)
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return None if pid == 0 else status == 0


def main():
    parser = argparse.ArgumentParser(description="Runs the scenarios on this kernel.")
    parser.add_argument("--group", action="append")
    parser.add_argument("--only", default="")
    parser.add_argument("--smoke", action="store_true", help="only the smoke set")
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", default="/out")
    arguments = parser.parse_args()
    load()
    kernel = lab.kernel_version()
    chosen = [s for s in SCENARIOS
              if (not arguments.group or s.group in arguments.group)
              and (not arguments.smoke or s.smoke)
              and re.search(arguments.only, s.name)]
    if arguments.list:
        for scenario in chosen:
            print(f"{scenario.group:14} {scenario.name}{'  (smoke)' if scenario.smoke else ''}")
        return 0
    if not chosen:
        print("no scenario matches", file=sys.stderr)
        return 2
    chosen = [s for s in chosen if s.suits(kernel)]
    lab.load_modules()
    lab.keep_code_still()
    directory = Path(os.environ.setdefault("LAB_DIR", "/tmp/l2tp-lab"))
    directory.mkdir(parents=True, exist_ok=True)

    # Those that want the machine to themselves come last.
    waiting = sorted(enumerate(chosen), key=lambda pair: (pair[1].alone, -pair[1].seconds))
    running, failed, started = [], [], time.monotonic()
    # Who looks at what is left there learns which scenarios promise a capture.
    if "LAB_CAPTURES" in os.environ:
        promised = Path(os.environ["LAB_CAPTURES"])
        promised.mkdir(parents=True, exist_ok=True)
        (promised / "promised").write_text("".join(
            f"{lab.directory_name(s.name)}\n" for s in chosen if s.captures))
    while waiting or running:
        while waiting and len(running) < arguments.jobs:
            index, scenario = waiting[0]
            if (scenario.alone and running) or any(r.scenario.alone for r in running):
                break
            waiting.pop(0)
            running.append(Running(scenario, index, directory))
        for entry in list(running):
            passed = entry.poll()
            if passed is None:
                continue
            running.remove(entry)
            name = entry.scenario.name
            print(f"{'ok    ' if passed else 'FAILED'} {entry.seconds():6.1f} s  {name}", flush=True)
            if not passed:
                failed.append(name)
                text = entry.path.read_text(errors="replace")
                print("\n".join("    " + line for line in text.splitlines()), flush=True)
                if os.path.isdir(arguments.keep):
                    shutil.copytree(directory / lab.directory_name(name),
                                    Path(arguments.keep) / lab.directory_name(name),
                                    dirs_exist_ok=True, ignore_dangling_symlinks=True,
                                    ignore=lambda d, names: [n for n in names
                                                             if not (Path(d) / n).is_dir()
                                                             and not (Path(d) / n).is_file()])
        time.sleep(0.05)
    print(f"{len(chosen) - len(failed)} of {len(chosen)} scenarios passed on {os.uname().release} "
          f"in {time.monotonic() - started:.0f} s" + (f"; failed: {' '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
