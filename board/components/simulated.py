"""Sensors for a board without: what each measures by itself, and the capsule that serves it."""

from cells import Buffer
from kernel import Grant, InterruptLine, Registers
from micropython import const

import config
from capsules.drivers.simulated.sensor import (
    AMBIENT_LIGHT,
    CO2,
    DISTANCE,
    HUMIDITY,
    MOISTURE,
    PRESSURE,
    PROXIMITY,
    RAINFALL,
    SOUND_PRESSURE,
    TEMPERATURE,
    TVOC,
    SimulatedDistance,
    SimulatedNineAxis,
    SimulatedRainfall,
    SimulatedSensor,
)
from capsules.hil.time import Alarm

if config.CAPSULE_ADC:
    from capsules.core.adc import AdcDriver
    from capsules.drivers.simulated.adc import SimulatedAdc
if config.QUANTITIES:
    from capsules.sensors.quantity import PLAIN, STATUS_FIRST, SWITCHED, QuantityDriver
if config.CAPSULE_DISTANCE:
    from capsules.sensors.distance import DistanceDriver
if config.CAPSULE_PROXIMITY:
    from capsules.sensors.proximity import ProximityDriver
if config.CAPSULE_RAINFALL:
    from capsules.sensors.rainfall import RainfallDriver
if config.CAPSULE_AIR_QUALITY:
    from capsules.sensors.air_quality import AirQualityDriver
if config.CAPSULE_NINEDOF:
    from capsules.sensors.ninedof import NinedofDriver

_CHANNELS = const(6)
_SAMPLED_AT_ONCE = const(64)  # bytes


def converter(registers: Registers, alarm: Alarm, grant: Grant) -> "AdcDriver":
    """Six channels."""
    adc = SimulatedAdc(registers, alarm, _CHANNELS)
    return AdcDriver(adc, grant, Buffer(_SAMPLED_AT_ONCE), Buffer(_SAMPLED_AT_ONCE))


def thermometer(registers: Registers, clock: Alarm, line: InterruptLine) -> SimulatedSensor:
    """18 to 26 degrees."""
    return SimulatedSensor(registers, TEMPERATURE, clock, 1800, 800, line)


def humidity(registers: Registers, clock: Alarm, grant: Grant) -> "QuantityDriver":
    """40 to 60 percent."""
    return QuantityDriver(SimulatedSensor(registers, HUMIDITY, clock, 4000, 2000), grant, PLAIN)


def ambient_light(registers: Registers, clock: Alarm, grant: Grant) -> "QuantityDriver":
    """200 to 600 lux."""
    return QuantityDriver(SimulatedSensor(registers, AMBIENT_LIGHT, clock, 200, 400), grant, PLAIN)


def pressure(registers: Registers, clock: Alarm, grant: Grant) -> "QuantityDriver":
    """1,003 to 1,023 hectopascal."""
    return QuantityDriver(SimulatedSensor(registers, PRESSURE, clock, 1003, 20), grant, PLAIN)


def sound_pressure(registers: Registers, clock: Alarm, grant: Grant) -> "QuantityDriver":
    """30 to 60 decibels."""
    return QuantityDriver(SimulatedSensor(registers, SOUND_PRESSURE, clock, 30, 30), grant, SWITCHED)


def moisture(registers: Registers, clock: Alarm, grant: Grant) -> "QuantityDriver":
    """20 to 40 percent."""
    return QuantityDriver(SimulatedSensor(registers, MOISTURE, clock, 2000, 2000), grant, STATUS_FIRST)


def distance(registers: Registers, clock: Alarm, grant: Grant) -> "DistanceDriver":
    """300 to 1,300 millimetres."""
    return DistanceDriver(SimulatedDistance(SimulatedSensor(registers, DISTANCE, clock, 300, 1000)), grant)


def proximity(registers: Registers, clock: Alarm, alarm: Alarm, grant: Grant) -> "ProximityDriver":
    """0 to 200."""
    return ProximityDriver(SimulatedSensor(registers, PROXIMITY, clock, 0, 200), alarm, grant)


def rainfall(registers: Registers, clock: Alarm, grant: Grant) -> "RainfallDriver":
    """0 to 500 micrometres an hour."""
    return RainfallDriver(SimulatedRainfall(SimulatedSensor(registers, RAINFALL, clock, 0, 500)), grant)


def air_quality(registers: Registers, clock: Alarm, grant: Grant) -> "AirQualityDriver":
    """Some CO2, and hardly anything else."""
    co2 = SimulatedSensor(registers, CO2, clock, 420, 800)
    return AirQualityDriver(co2, SimulatedSensor(registers, TVOC, clock, 0, 100), grant)


def ninedof(registers: Registers, grant: Grant) -> "NinedofDriver":
    """At rest."""
    return NinedofDriver(SimulatedNineAxis(registers), grant)
