"""What a Python app uses of the board: one module for each thing, imported when it is first used.

    from adder import led            or         import adder
    led.toggle(0)                               adder.led.toggle(0)

Every wait comes in two kinds: a function that blocks the app (`button.wait_pressed(0)`), and one to
`await` in an asyncio task (`await button.pressed(0)`). Both sleep in the kernel and cost nothing
meanwhile. A driver that the board lacks, or that the app has no permission for, raises
`syscall.SyscallError` with the code NODEVICE.

`print`, `input`, `time`, `asyncio` and MicroPython's other modules work as everywhere; `syscall` is
the kernel's interface as it is, for drivers without a module here. There is no `machine`.
"""

from . import adc as adc
from . import alarm as alarm
from . import button as button
from . import buzzer as buzzer
from . import console as console
from . import crc as crc
from . import date_time as date_time
from . import eui64 as eui64
from . import gpio as gpio
from . import hmac as hmac
from . import i2c as i2c
from . import ipc as ipc
from . import led as led
from . import ninedof as ninedof
from . import pwm as pwm
from . import rng as rng
from . import sensors as sensors
from . import servo as servo
from . import sha as sha
from . import spi as spi
from . import storage as storage
