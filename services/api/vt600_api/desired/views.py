"""Rows of desired settings → what HTTP shows."""

from collections.abc import Sequence

from vt600_api.desired.models import DesiredSetting
from vt600_api.desired.schemas import SettingsView, SettingView
from vt600_api.devices.models import Device
from vt600_api.links.models import DeviceLink


def settings_view(device: Device, link: DeviceLink | None, rows: Sequence[DesiredSetting]) -> SettingsView:
    """All of a device, with the reason why one waits that was not asked for yet."""
    waits_for = None
    if device.dialect is None:
        waits_for = "dialect_unknown"
    elif link is None or link.state == "offline":
        waits_for = "offline"
    items = [SettingView.model_validate(row) for row in rows]
    for item, row in zip(items, rows, strict=True):
        if row.work == "set" and row.reason is None:
            item.reason = waits_for
    return SettingsView(device_id=device.device_id, items=items)
