from tokenauth.models.access_token import AccessToken
from tokenauth.models.token_login import TokenLogin

__all__ = ["AccessToken", "TokenLogin"]
