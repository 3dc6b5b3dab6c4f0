# refused: CP003
"""A recipe of the boards, in a capsule."""

from components.alarm import alarm
