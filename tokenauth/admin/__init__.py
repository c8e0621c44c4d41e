from tokenauth.admin.access_token import AccessTokenAdmin
from tokenauth.admin.token_login import TokenLoginAdmin

__all__ = ["AccessTokenAdmin", "TokenLoginAdmin"]
