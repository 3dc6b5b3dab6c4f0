"""`make test-busy`: a command runs beside loops that use up the CPU, and none of them is left behind."""

import subprocess
import time
from pathlib import Path

from adder.board import ROOT

TOOL = ROOT / "tools" / "beside-busy-loops"
# The loops are the other children of the command's parent.
COMMAND = "ps -o pid= --ppid $PPID | grep -vw $$ | tee loops | grep -c .; exit 3"


def test_the_loops_run_beside_the_command_and_end_with_it(tmp_path: Path) -> None:
    result = subprocess.run([TOOL, "2", "sh", "-c", COMMAND], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.returncode) == ("2", 3)
    loops = (tmp_path / "loops").read_text().split()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{loop}").exists() for loop in loops) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(loops) == 2
    assert not any(Path(f"/proc/{loop}").exists() for loop in loops)
