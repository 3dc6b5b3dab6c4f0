# refused: CP007
"""Changes an option for everybody."""

import config


def patch():
    config.MAX_PROCESSES = 1000
