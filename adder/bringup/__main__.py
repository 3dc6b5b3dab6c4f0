"""For make: `python -m adder.bringup BOARD FOLDER` writes the files of a board's bring-up."""

import sys
from pathlib import Path

from adder.bringup.folder import write_folder
from adder.errors import AdderError

if __name__ == "__main__":
    try:
        write_folder(sys.argv[1], Path(sys.argv[2]))
    except AdderError as error:
        sys.exit(str(error))
