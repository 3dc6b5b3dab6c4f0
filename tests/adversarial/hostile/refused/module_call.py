# refused: CP013
"""Code that runs while the module is imported."""

from kernel import log

log('here')
