"""Plausible data of two organizations."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from testproject.inventory.models import Asset, Event, Schedule, Session, Site

_SITES = {
    "northwind": [("Harbour Street Depot", "Hamburg"), ("Airport Car Park P4", "Bremen")],
    "greenfleet": [("Old Mill Logistics", "Utrecht")],
}
_ASSETS = [
    ("Fast charger", Asset.Kind.CHARGER, 150),
    ("Wall box", Asset.Kind.CHARGER, 22),
    ("Buffer battery", Asset.Kind.BATTERY, 100),
    ("Roof array", Asset.Kind.SOLAR, 60),
]
ORGANIZATIONS = list(_SITES)


@transaction.atomic
def seed() -> bool:
    """Fill the inventory where it is empty; whether it was."""
    if Site.objects.exists():
        return False
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for organization, sites in _SITES.items():
        for name, city in sites:
            site = Site.objects.create(organization=organization, name=name, city=city)
            for number, (label, kind, power) in enumerate(_ASSETS):
                asset = Asset.objects.create(
                    organization=organization, site=site, name=f"{label}, {name}", kind=kind, power_kw=power
                )
                _life_of(asset, now - timedelta(hours=6 * number))
    return True


def _life_of(asset: Asset, now: datetime) -> None:
    if asset.kind == Asset.Kind.CHARGER:
        Schedule.objects.create(
            organization=asset.organization,
            asset=asset,
            name="Night tariff",
            starts_at=time(22, 0),
            ends_at=time(6, 0),
            limit_kw=asset.power_kw,
        )
        for days in (1, 2, 3):
            started = now - timedelta(days=days)
            Session.objects.create(
                organization=asset.organization,
                asset=asset,
                started_at=started,
                ended_at=started + timedelta(minutes=45),
                energy_kwh=Decimal(asset.power_kw) * Decimal("0.6"),
            )
    Event.objects.create(
        organization=asset.organization,
        asset=asset,
        happened_at=now - timedelta(days=1),
        message=f"{asset.name}: firmware updated, back in service",
    )
