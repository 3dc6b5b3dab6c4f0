# refused: CP025 as board
"""Another name for the mint: whoever gets it mints on."""

import mint

powers = mint
