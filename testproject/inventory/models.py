"""Charging sites, what stands on them, when it may run, and what happened."""

from django.db import models


class OwnedByOrganization(models.Model):
    organization = models.SlugField(db_index=True)

    class Meta:
        abstract = True


class Site(OwnedByOrganization):
    name = models.CharField(max_length=120)
    city = models.CharField(max_length=120)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class Asset(OwnedByOrganization):
    class Kind(models.TextChoices):
        CHARGER = "charger"
        BATTERY = "battery"
        SOLAR = "solar"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="assets")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    power_kw = models.PositiveIntegerField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class Schedule(OwnedByOrganization):
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="schedules")
    name = models.CharField(max_length=120)
    starts_at = models.TimeField()
    ends_at = models.TimeField()
    limit_kw = models.PositiveIntegerField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class Session(OwnedByOrganization):
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="sessions")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    energy_kwh = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        ordering = ("-started_at", "pk")

    def __str__(self) -> str:
        return f"{self.asset} from {self.started_at:%Y-%m-%d %H:%M}"


class Event(OwnedByOrganization):
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="events")
    happened_at = models.DateTimeField()
    message = models.CharField(max_length=200)

    class Meta:
        ordering = ("-happened_at", "pk")

    def __str__(self) -> str:
        return self.message
