*** Settings ***
Documentation    The chip's drivers: pins, UART, thermometer, flash.
Suite Setup      Setup
Suite Teardown   Teardown
Test Setup       Test Setup
Test Teardown    Test Teardown
Resource         ${RENODEKEYWORDS}
Resource         ${CURDIR}/adder.resource

*** Test Cases ***
Blink Is Seen On The Pins
    Prepare    blink
    ${first}=    Create LED Tester    sysbus.gpio0.led1    defaultTimeout=2
    ${second}=    Create LED Tester    sysbus.gpio0.led2    defaultTimeout=2
    Start Emulation
    Expect    blink: 4 LEDs
    # LED 0 changes at each step of 250 ms, LED 1 at every second one.
    Assert LED Is Blinking    testDuration=5    onDuration=0.25    offDuration=0.25    tolerance=0.02    testerId=${first}
    Assert LED Is Blinking    testDuration=5    onDuration=0.5    offDuration=0.5    tolerance=0.02    testerId=${second}

LEDs Are Off At First
    Prepare    hello
    ${led}=    Create LED Tester    sysbus.gpio0.led4    defaultTimeout=0
    Start Emulation
    Expect    hello, 1 of 5
    Assert LED State    false    testerId=${led}

A Button Reaches The App
    Boot    button
    ${line}=    Expect    button: (no driver|\\d buttons)
    Skip Without    ${line}[line]    button
    Wait A Moment
    FOR    ${press}    IN RANGE    1    4
        Execute Command    sysbus.gpio0.button1 Press
        Expect    button: pressed ${press}
        Wait A Moment
        Execute Command    sysbus.gpio0.button1 Release
        Expect    button: released ${press}
        Wait A Moment
    END

Typing Reaches The App
    Boot    echo
    Expect    echo: ready
    Type    aZ5
    Expect    echo: read 'a' \\(97\\), status 0
    Expect    echo: read 'Z' \\(90\\), status 0
    Expect    echo: read '5' \\(53\\), status 0

A Burst At Full Speed
    # 512 bytes, all that the driver keeps for an app that is slower than the line.
    Boot    reader    blink
    Expect    reader: ready
    ${text}=    Evaluate    "".join("%07d\\n" % i for i in range(56)) + "end".ljust(64)
    Type    ${text}
    Expect    reader: 512 bytes, sum ${{sum($text.encode())}}
    No Byte Was Lost

Bytes With Pauses
    Boot    reader
    Expect    reader: ready
    FOR    ${gap}    IN    @{{[1, 50, 100, 500, 1000, 2000, 10000]}}
        Execute Command    ${UART} Gap ${gap}
        Type    ${{"end".ljust(64, chr(33 + $gap % 90))}}
        Expect    reader: 64 bytes, sum ${{sum(b"end") + 61 * (33 + $gap % 90)}}
        No Byte Was Lost
    END

The Thermometer Says What The Chip Has
    Prepare    thermometer
    Execute Command    sysbus.temp Temperature 31.5
    Start Emulation
    Expect    temperature: 31.50
    Execute Command    sysbus.temp Temperature -7.25
    Expect    temperature: -7.25

Storage Outlives A Reset And A Loss Of Power
    Boot    store
    ${line}=    Expect    ^store: 
    Skip Without    ${line}[line]    storage
    Should Contain    ${line}[line]    store: start 1
    Execute Command    machine Reset
    Start Emulation
    Expect    store: start 2
    Execute Command    pause
    Execute Command    sysbus.nvmc Save "${IMAGE}" 0x80000 0x100000
    Reset Emulation
    Power On
    Start Emulation
    Expect    store: start 3
    Should Not Be In Log    was not erased    timeout=0

A Reset Is Reported
    Boot    hello
    Expect    hello, 1 of 5
    Execute Command    machine Reset
    Start Emulation
    Expect    reset by software
    Expect    hello, 2 of 5
