*** Settings ***
Documentation    The drivers that no app reaches yet: a kernel of their own uses each in turn. See drivers/board.py.txt.
Suite Setup      Build The Kernel
Suite Teardown   Teardown
Test Setup       Test Setup
Test Teardown    Test Teardown
Resource         ${RENODEKEYWORDS}
Resource         ${CURDIR}/adder.resource

*** Keywords ***
Build The Kernel
    Setup
    ${result}=    Run Process    ${PYTHON}    ${CURDIR}/drivers_kernel.py    cwd=${ROOT}    stderr=STDOUT
    Should Be Equal As Integers    ${result.rc}    0    msg=${result.stdout}
    Set Suite Variable    ${KERNEL}    ${BUILD}/drivers/build/kernel.elf

Power On With Devices
    [Documentation]    The devices are there when the kernel begins.
    Prepare
    Execute Command    machine LoadPlatformDescription @${CURDIR}/drivers/devices.repl
    Execute Command    sysbus.twi0.thermometer Temperature 31.5
    Execute Command    sysbus.saadc SetMillivolts 1 1800
    Execute Command    sysbus.saadc SetMillivolts 4 900
    Start Emulation

Finish
    Expect    bench: done    timeout=120
    Should Not Be In Log    DMA cannot reach    timeout=0
    Should Not Be In Log    which is off    timeout=0
    Should Not Be In Log    moves the pointer on    timeout=0
    Should Not Be In Log    SAMPLE without    timeout=0

Pulses
    [Documentation]    What the pins are at this moment: Hz, and for each pin a duty of 10,000 or -1.
    [Arguments]    ${frequency}    @{duties}
    ${found}=    Execute Command    sysbus.pwm0 PulseFrequency
    Should Be True    abs(float($found) - ${frequency}) <= ${frequency} / 1000
    FOR    ${pin}    ${duty}    IN ZIP    ${{[13, 14, 15]}}    ${duties}
        ${found}=    Execute Command    sysbus.pwm0 Duty ${pin}
        # The monitor shows numbers in hexadecimal, and -1 as 0xFFFFFFFF.
        Should Be True    abs(int($found, 0) - ${duty}) & 0xFFFFFFFF <= 2    msg=pin ${pin}: ${found}
    END

*** Test Cases ***
The Drivers Do What They Should
    Power On With Devices
    Expect    bench: guard 0 opened, 32 samples, returned True
    Expect    bench: flash written, status 0, 5051525354555657
    Expect    bench: flash erased, status 0, ffffffffffffffff
    ${erased}=    Execute Command    sysbus.nvmc ErasedPages
    Should Be Equal As Integers    ${{int($erased, 0)}}    1
    # 31.5 degrees: (31.5 + 46.85) * 65536 / 175.72
    Expect    bench: i2c step 0, status 0, value 29221, \\d ms
    Expect    bench: i2c step 1, status 13,
    Expect    bench: i2c step 2, status 13,
    Expect    bench: i2c step 3, status 1, value 0, 5[0-2] ms
    Expect    bench: i2c while the clock is low 1$
    Expect    bench: i2c step 4, status 0, value 29221, \\d ms
    ${stops}=    Execute Command    sysbus.twi0 Stops
    Should Be Equal As Integers    ${{int($stops, 0)}}    4
    Expect    bench: spi step 0, status 0, read ..20ba
    Expect    bench: spi step 1, status 0, read $
    Expect    bench: spi step 2, status 0, read $
    Expect    bench: spi step 3, status 0, read ........a4a5a6a7
    Expect    bench: aes mode 0 row 0 3ad77bb40d7a3660a89ecaf32466ef97
    Expect    bench: aes mode 0 row 1 f5d3d58503b9699de785895a96fdbaaf
    Expect    bench: aes mode 0 row 2 43b1cd7f598ece23881b00e3ed030688
    Expect    bench: aes mode 0 row 3 7b0c785e27e8ad3f8223207104725dd4
    Expect    bench: aes mode 1 row 0 874d6191b620e3261bef6864990db6ce
    Expect    bench: aes mode 1 row 1 9806f66b7970fdff8617187bb9fffdff
    Expect    bench: aes mode 1 row 2 5ae4df3edbd5d35e5b4f09020db03eab
    Expect    bench: aes mode 1 row 3 1e031dda2fbe03d1792170a0f3009cee
    Expect    bench: aes mode 2 row 0 7649abac8119b246cee98e9b12e9197d
    Expect    bench: aes mode 2 row 1 5086cb9b507219ee95db113a917678b2
    Expect    bench: aes mode 2 row 2 73bed6b8e3c1743b7116e69e22229516
    Expect    bench: aes mode 2 row 3 3ff1caa1681fac09120eca307586e1a7
    Expect    bench: aes without key 4$
    Expect    bench: adc step 0, status 0, sample 8000
    Expect    bench: adc step 1, status 0, sample 4000
    Expect    bench: adc step 2, status 0, sample d550
    Expect    bench: adc step 3, status 0, sample 8000
    Expect    bench: adc step 4, status 0, sample 8000
    Expect    bench: adc step 5, status 0, sample 8000
    Expect    bench: adc step 6, status 0, 32 samples, 32 are 8000, [0-3] ms
    Expect    bench: adc step 7, status 0, 16 samples, 16 are 8000, \\d ms
    Expect    bench: adc step 8, status 0, 32 samples, 32 are 8000, 6[2-5] ms
    Expect    bench: adc step 9, status 8, (9|10) samples, \\d+ are 8000, (99|10\\d) ms
    Expect    bench: pwm step 0
    Pulses    1000    2500    10000    0
    Expect    bench: pwm refused 5
    Expect    bench: pwm step 1
    Pulses    1000    5000    0    0
    Expect    bench: pwm step 2
    Pulses    50    750    0    0
    Expect    bench: pwm step 3
    Pulses    0    -1    -1    -1
    Expect    bench: timer 20 short alarms, 24[67] ms
    FOR    ${_}    IN RANGE    3
        Expect    bench: timer long alarm, (6999|700\\d) ms
    END
    Finish
