"""Nordic nRF52840: which power goes to which capsule.

The chip's own drivers are not written yet, so this board serves what needs no hardware.
"""

import mint

import config

if config.CAPSULE_LOW_LEVEL_DEBUG:
    from capsules.core import low_level_debug as debug_driver
if config.CAPSULE_IPC:
    from capsules.core import ipc as ipc_driver
if config.CAPSULE_PROCESS_INFO:
    from capsules.core import process_info as info_driver

processes = mint.process_control()

if config.CAPSULE_LOW_LEVEL_DEBUG:
    debug_grant = mint.grant(debug_driver.DRIVER_NUM, debug_driver.LAYOUT)
    mint.serve("low_level_debug", debug_grant, lambda: debug_driver.LowLevelDebug().command)

if config.CAPSULE_IPC:
    ipc_grant = mint.grant(ipc_driver.DRIVER_NUM, ipc_driver.LAYOUT)
    mint.share_memory(ipc_grant)
    mint.serve("ipc", ipc_grant, lambda: ipc_driver.IpcDriver(ipc_grant, processes).command)

if config.CAPSULE_PROCESS_INFO:
    info_grant = mint.grant(info_driver.DRIVER_NUM, info_driver.LAYOUT)
    mint.serve("process_info", info_grant, lambda: info_driver.ProcessInfo(info_grant, processes).command)

mint.load_processes()
