"""What the measuring programs share: a part is a function of a lab, the arguments and the result."""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "vm"))
from lab import BUILD, Failure, Lab, keep_code_still, load_modules  # noqa: E402

BENCH = BUILD / "tests" / "bench"


def note(text):
    print(f"  {text}", flush=True)


def add_arguments(parser, parts):
    parser.add_argument("--threads", type=int, default=min(max(8 * os.cpu_count(), 8), 64),
                        help="of the bare calls: as many as the daemon has workers")
    parser.add_argument("--only", choices=parts, action="append")
    parser.add_argument("--json", help="where the figures go")


def run_parts(parts, args):
    """Each in a lab of its own. Returns the figures, and whether all parts came to their end."""
    load_modules()
    keep_code_still()
    print(f"Linux {os.uname().release}, {os.cpu_count()} processors", flush=True)
    result, good = {}, True
    for name, part in parts.items():
        if args.only and name not in args.only:
            continue
        with Lab(f"bench-{name}", "b") as lab:
            try:
                part(lab, args, result)
            except Failure as error:
                good = False
                print(f"{name}: {error}\n{lab.logs(20)}", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    return result, good
