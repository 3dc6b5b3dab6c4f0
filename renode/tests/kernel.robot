*** Settings ***
Documentation    The kernel on the chip: it boots, keeps time, and contains what goes wrong.
Suite Setup      Setup
Suite Teardown   Teardown
Test Setup       Test Setup
Test Teardown    Test Teardown
Resource         ${RENODEKEYWORDS}
Resource         ${CURDIR}/adder.resource

*** Test Cases ***
Boots To The Console
    Boot    hello
    Expect    ^Adder \\S+ on Nordic nRF52840
    Expect    app hello: slot 0
    Expect    hello, 2 of 5
    Expect    hello, 5 of 5
    Should Not Be In Log    DMA cannot reach    timeout=0
    Should Not Be In Log    stands still    timeout=0

Sleeps As Long As It Says
    Boot    hello
    ${first}=    Expect    hello, 1 of 5
    ${last}=    Expect    hello, 5 of 5
    ${slept}=    Evaluate    $last.timestamp - $first.timestamp
    Should Be True    3990 < ${slept} < 4020

Alarms Come After The Counter Has Wrapped
    # 24 bits at 32,768 Hz are 512 seconds; this brings the counters half a second before the end.
    Boot    hello
    ${before}=    Expect    hello, 1 of 5
    Execute Command    sysbus.rtc1 Counter 0xFF4000
    Expect    hello, 2 of 5
    ${third}=    Expect    hello, 3 of 5
    ${last}=    Expect    hello, 5 of 5
    ${counter}=    Execute Command    sysbus.rtc1 Counter
    Should Be True    int($counter, 16) < 0x80000
    ${slept}=    Evaluate    $last.timestamp - $third.timestamp
    Should Be True    1990 < ${slept} < 2010

The Time Never Goes Back
    # So many readings a second that nearly each tick of the counter is seen, and the wrap among them. A tick is 256 units.
    Boot    ticks
    Expect    ticks: reading
    Execute Command    sysbus.rtc1 Counter 0xFFF800
    Expect    ticks: 40000 readings, 1 wraps, 0 backwards, steps of at most \\d{1,4}$

A Thousand Alarms Of Eight Apps
    [Timeout]    10 minutes
    Watch Alarms    alarms-short
    Alarms Were On Time    1000    wraps=1    late=7000    timeout=1000

An Alarm Comes Soon When Nobody Computes
    Boot    lateness
    ${line}=    Expect    lateness: 200 alarms, 0 early, at most (\\d+) us late
    Should Be True    ${line}[groups][0] <= 300

An Alarm Waits For One Time Slice Of Each App That Computes
    Boot    lateness    spin    float    float2
    ${line}=    Expect    lateness: 200 alarms, 0 early, at most (\\d+) us late    timeout=60
    Should Be True    20000 < ${line}[groups][0] <= 32000

A Blinking App Leaves The Processor Asleep
    # Four steps a second.
    Prepare    blink
    ${asleep}    ${rate}=    Sleeps
    Should Be True    ${asleep} >= 99.8
    Should Be True    3.9 < ${rate} <= 4.1

A Blinking App In Python Leaves The Processor Asleep
    Prepare    blink-py
    ${asleep}    ${rate}=    Sleeps
    Should Be True    ${asleep} >= 99.8
    Should Be True    1.9 < ${rate} <= 2.1

Without An App Nothing Wakes The Processor
    Prepare
    ${asleep}    ${rate}=    Sleeps
    Should Be True    ${asleep} == 100
    Should Be True    ${rate} == 0

A Hung Kernel Is Reset By The Watchdog
    # Somebody computes: Renode's processor can't be taken out of its sleep by hand.
    Boot    spin
    Expect    spin: spinning
    # Interrupts off, and an endless loop.
    Execute Command    sysbus WriteDoubleWord 0x2003FFF0 0xE7FDBF00
    Execute Command    sysbus.cpu PRIMASK 1
    Execute Command    sysbus.cpu PC 0x2003FFF0
    ${hung}=    Execute Command    sysbus.wdt Left
    Should Be True    int($hung, 16) <= 8000
    Start Emulation
    Expect    reset by the watchdog
    Expect    app spin: slot 0

The Watchdog Leaves A Kernel Alone That Is Busy
    # A program that computes, one that keeps the kernel busy, and one that lets it sleep most of the time.
    FOR    ${app}    IN    spin    steady    blink
        Prepare    ${app}
        Execute Command    sysbus.cpu PerformanceInMips 8    # the host has less to do, the watchdog has the same time
        FOR    ${second}    IN RANGE    20
            Execute Command    emulation RunFor "1"
            ${left}=    Execute Command    sysbus.wdt Left
            Should Be True    int($left, 16) > 7000
        END
        Reset Emulation
    END

A Faulting App Is Reported And Restarted
    Boot    faulty    blink
    Expect    faulty: read-kernel
    Expect    Data Access Violation: +true
    Expect    Faulting Memory Address: +0x20000000
    Expect    app faulty: restart in 100 ms
    Expect    faulty: read-kernel
    Expect    app faulty: restart in 200 ms

Apps Share Memory And Registers Survive
    Boot    ping    pong    float    float2    spin
    Expect    ping: 100 round trips
    Expect    float: \\d+ rounds, no register lost
    Expect    ping: 500 round trips

A Python App Runs
    Boot    clock-py    rot13-py    rot13-client-py
    Expect    rot13 for Python: Uryyb sebz Clguba
    Expect    clock 00:00:03
