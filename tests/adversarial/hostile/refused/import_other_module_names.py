# refused: CP003
"""What another module has imported, passed on."""

from capsules.core.led import success_u32
