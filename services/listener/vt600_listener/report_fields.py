"""A decoded position report as the common fields that travel on the bus."""

from vt600_bus.records import Extras, Obd, ReportFields, SensorTemperature, TankLevel, TroubleCode
from vt600_protocol import PositionReport


def report_fields(message: PositionReport) -> ReportFields:
    """The same facts under the same names; a report is an alarm when somebody should look at it."""
    cell = message.cell
    return ReportFields(
        kind="alarm" if message.is_alarm else "position",
        event=message.event,
        event_code=message.event_code,
        event_data=message.event_data,
        device_time=message.device_time,
        fix_valid=message.fix_valid,
        latitude=message.latitude,
        longitude=message.longitude,
        speed_kmh=message.speed_kmh,
        course_deg=message.course_deg,
        altitude_m=message.altitude_m,
        hdop=message.hdop,
        satellites=message.satellites,
        odometer_m=message.odometer_m,
        mcc=None if cell is None else cell.mcc,
        mnc=None if cell is None else cell.mnc,
        lac=None if cell is None else cell.lac,
        cell_id=None if cell is None else cell.cell_id,
        csq=message.csq,
        inputs=message.inputs,
        outputs=message.outputs,
        status=message.status,
        external_power=message.external_power,
        external_v=message.external_v,
        battery_v=message.battery_v,
        analog_raw=message.analog_raw,
        stored=message.stored,
        extras=_extras(message),
    )


def _extras(message: PositionReport) -> Extras | None:
    if (
        message.pro_code is None
        and message.driver_text is None
        and message.obd is None
        and not message.fuel
        and not message.temperatures
        and not message.unparsed
        and not message.trouble_codes
        and message.ignition_on_s is None
    ):
        return None
    return Extras(
        pro_code=message.pro_code,
        fuel=tuple(TankLevel(tank=level.tank, litres=level.litres) for level in message.fuel),
        temperatures=tuple(
            SensorTemperature(sensor=reading.sensor, celsius=reading.celsius) for reading in message.temperatures
        ),
        obd=_obd(message),
        driver_text=message.driver_text,
        unparsed=message.unparsed,
        trouble_codes=tuple(
            TroubleCode(code=trouble.code, state=trouble.state, spn=trouble.spn, fmi=trouble.fmi)
            for trouble in message.trouble_codes
        ),
        ignition_on_s=message.ignition_on_s,
    )


def _obd(message: PositionReport) -> Obd | None:
    obd = message.obd
    if obd is None:
        return None
    return Obd(
        rpm=obd.rpm,
        engine_load_pct=obd.engine_load_pct,
        air_flow_g_s=obd.air_flow_g_s,
        intake_pressure_kpa=obd.intake_pressure_kpa,
        intake_temperature_c=obd.intake_temperature_c,
        throttle_pct=obd.throttle_pct,
        coolant_c=obd.coolant_c,
        fuel_rate_l_h=obd.fuel_rate_l_h,
        fuel_level=obd.fuel_level,
    )
