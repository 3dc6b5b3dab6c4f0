*** Settings ***
Documentation    The console under load: as much as the line carries goes in and out, and nothing is lost.
...              `--variable SIZE:1048576` for a megabyte each way.
Suite Setup      Setup
Suite Teardown   Teardown
Test Setup       Test Setup
Test Teardown    Test Teardown
Resource         ${RENODEKEYWORDS}
Resource         ${CURDIR}/adder.resource
Library          ${CURDIR}/traffic.py

*** Variables ***
${SIZE}          131072

*** Test Cases ***
Traffic Both Ways With Flow Control
    ${kernel}=    Kernel With    NRF52_UART_FLOW_CONTROL=y
    Set Test Variable    ${KERNEL}    ${kernel}
    Traffic Both Ways

Traffic Both Ways Without Flow Control
    Traffic Both Ways
    # The sender did not wait for anything.
    Should Be True    ${lasted} < ${SIZE} * 10 / 115200 + 1.1

*** Keywords ***
Traffic Both Ways
    [Documentation]    Eight apps print for as long as a ninth reads; a tenth ends and is restarted all the time, so that
    ...                the kernel's own heap is collected, too.
    @{apps}=    Create List    ${FOLDER}/sink.tbf    ${BUILD}/apps/exits-restart.tbf
    Adder    app    build    ${CURDIR}/apps/sink.py    -o    ${FOLDER}/sink.tbf
    FOR    ${number}    IN RANGE    8
        ${app}=    Make Chatter    ${FOLDER}    ${number}
        Adder    app    build    ${app}.py    -o    ${app}.tbf
        Append To List    ${apps}    ${app}.tbf
    END
    ${blocks}=    Make Blocks    ${FOLDER}/blocks    ${SIZE}
    Make Image    @{apps}
    Make Board    # a terminal tester would take most of the time
    Remove File    ${FOLDER}/output
    Execute Command    ${UART} CreateFileBackend "${FOLDER}/output" true
    Execute Command    emulation RunFor "1"
    ${begin}=    Seconds
    Execute Command    ${UART} SendFile "${FOLDER}/blocks"
    ${lasted}=    Set Variable    ${0}
    WHILE    True    limit=${{int($SIZE) * 10 // 115200 * 2 + 10}}
        Execute Command    emulation RunFor "1"
        ${output}=    Get File    ${FOLDER}/output    encoding_errors=replace
        ${found}=    Evaluate    "sink: end" in $output
        IF    ${found} and ${lasted} == 0
            ${end}=    Seconds
            ${lasted}=    Evaluate    $end - $begin
        END
        IF    ${lasted} > 0 and ${{len($output)}} >= ${SIZE}    BREAK
    END
    Set Test Variable    ${lasted}
    ${end}=    Seconds
    ${whole}=    Evaluate    $end - $begin
    No Byte Was Lost
    ${said}=    Check Traffic    ${FOLDER}/output    ${blocks}    8
    Log To Console    ${SIZE} bytes in within ${lasted} seconds; out within ${whole} seconds: ${said}
    # The line was nearly full the other way, too.
    ${out}=    Evaluate    int($said.split()[0])
    Should Be True    ${out} > 0.85 * ${whole} * 11520

Kernel With
    [Documentation]    Builds a kernel with other options than the board's.
    [Arguments]    @{options}
    ${result}=    Run Process    ${PYTHON}    ${CURDIR}/kernel_with.py    @{options}    cwd=${ROOT}
    Should Be Equal As Integers    ${result.rc}    0    msg=${result.stdout}${result.stderr}
    RETURN    ${result.stdout}

Seconds
    [Documentation]    The board's time.
    ${text}=    Execute Command    python "print(self.Machine.ElapsedVirtualTime.TimeElapsed.TotalSeconds)"
    ${seconds}=    Evaluate    float($text)
    RETURN    ${seconds}
