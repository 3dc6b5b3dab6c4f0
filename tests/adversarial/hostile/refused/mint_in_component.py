# refused: CP004 as component
"""A component that makes powers which the board did not hand out."""

import mint
