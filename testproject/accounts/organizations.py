from testproject.accounts.models import User


def organizations_of(user: User) -> set[str]:
    """``TOKENAUTH["USER_ORGANIZATIONS"]`` of the sample project."""
    return {user.organization} if user.organization else set()
