from django.contrib import admin

from testproject.inventory.models import Asset, Event, Schedule, Session, Site

for model in (Site, Asset, Schedule, Session, Event):
    admin.site.register(model, list_display=("__str__", "organization"), list_filter=("organization",))
