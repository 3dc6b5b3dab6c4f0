# refused: CP003
"""The decorator of the viper emitter."""

from micropython import viper
