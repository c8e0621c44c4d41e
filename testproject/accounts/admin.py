from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from testproject.accounts.models import User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ("username", "organization", "is_staff", "is_active")
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), ("Organization", {"fields": ("organization",)}))
