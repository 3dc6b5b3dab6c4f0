"""Run by the build on each kernel."""

import sys
from pathlib import Path

from adder.errors import AdderError
from adder.text import printable_lines
from adder.verify_image import verify_image

try:
    verify_image(Path(sys.argv[1]))
except AdderError as error:
    sys.exit(f"adder: {printable_lines(str(error))}")
