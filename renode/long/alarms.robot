*** Settings ***
Documentation    Ten thousand alarms over many wraps of the counter: ten minutes. `make renode-soak`.
Suite Setup      Setup
Suite Teardown   Teardown
Test Setup       Test Setup
Test Teardown    Test Teardown
Resource         ${RENODEKEYWORDS}
Resource         ${CURDIR}/../tests/adder.resource

*** Test Cases ***
Ten Thousand Alarms Of Eight Apps
    [Timeout]    60 minutes
    Watch Alarms    alarms
    Alarms Were On Time    10000    wraps=10    late=7000    timeout=20000
