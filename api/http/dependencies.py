"""FastAPI's dependencies, as the types of a route's parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from reelyard.api.http.auth import identify_admin, identify_caller
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services, get_services

CallerDep = Annotated[Caller, Depends(identify_caller)]
"""Whoever sent the request. Raises `Unauthorized`, `RateLimited`."""
AdminDep = Annotated[Caller, Depends(identify_admin)]
"""The same, who must be an admin. Raises `Forbidden`, too."""
ServicesDep = Annotated[Services, Depends(get_services)]
"""What the routes of this app work with."""
