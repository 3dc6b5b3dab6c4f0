# refused: CP013
"""Code for the device alone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel import Grant
else:
    from kernel import log
