*** Settings ***
Documentation    The kernel starts from whatever a bootloader, or an earlier program, may have left in the chip: adder/chip/left_behind.toml.
Suite Setup      Setup
Suite Teardown   Teardown
Test Setup       Test Setup
Test Teardown    Test Teardown
Resource         ${RENODEKEYWORDS}
Resource         ${CURDIR}/adder.resource

*** Variables ***
${ONLY}    ${EMPTY}

*** Keywords ***
Leave Behind
    [Documentation]    Brings a chip that has not been started into a state.
    [Arguments]    ${state}
    ${processor}=    Evaluate    $state.get("processor", {})
    FOR    ${name}    ${value}    IN    &{processor}
        IF    "${name}" == "PRIMASK"    # the only one that Renode lets one set
            Execute Command    sysbus.cpu ${name} ${value}
        END
    END
    FOR    ${write}    IN    @{state["writes"]}
        Execute Command    sysbus WriteDoubleWord ${write[0]} ${write[1]}
    END
    ${reasons}=    Evaluate    $state.get("reasons", 0)
    IF    ${reasons}
        Execute Command    sysbus.clock ResetReasons ${reasons}
    END

Starts From
    [Documentation]    Its time is right, it sees a button, and it reads what is typed.
    [Arguments]    ${name}    ${state}
    Log To Console    ${name}
    Power On
    Leave Behind    ${state}
    Start Emulation
    ${first}=    Expect    hello, 1 of 5
    Expect    reader: ready
    Execute Command    sysbus.gpio0.button1 Press
    Expect    button: pressed 1
    ${text}=    Evaluate    "end".ljust(64)
    Type    ${text}
    Expect    reader: 64 bytes, sum ${{sum($text.encode())}}
    # On a busy host the board may be ahead of this test: its second greeting may have passed.
    ${later}=    Expect    hello, ([2-5]) of 5
    ${seconds}=    Evaluate    int($later.groups[0]) - 1
    Should Be True    980 < ($later.timestamp - $first.timestamp) / ${seconds} < 1020    msg=${name}: the time is wrong
    Should Not Be In Log    DMA cannot reach    timeout=0
    Execute Command    Clear

*** Test Cases ***
The Kernel Starts From Whatever Was Left Behind
    Make Image    hello    button    reader
    ${states}=    Evaluate    tomllib.loads(pathlib.Path(r"${ROOT}/adder/chip/left_behind.toml").read_text())    modules=tomllib,pathlib
    FOR    ${name}    ${state}    IN    &{states}
        IF    "${ONLY}" in ("", "${name}")
            Starts From    ${name}    ${state}
        END
    END
