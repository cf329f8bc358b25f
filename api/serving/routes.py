"""The routers of the two apps: what answers JSON, and what moves bytes below `/api`."""

from __future__ import annotations

from fastapi import APIRouter

TRANSFER_AT = "/api"


def json_routers() -> list[APIRouter]:
    """The routes of the app at `/`."""
    from reelyard.api import dolby, ittybit
    from reelyard.api.serving import health
    from reelyard.api.v1.router import router as v1_router

    return [v1_router, health.router, dolby.router, ittybit.router]


def byte_routers() -> list[APIRouter]:
    """The routes of the app at `TRANSFER_AT`, without that prefix."""
    from reelyard.api import pipelyn, transfer

    return [transfer.router, pipelyn.router]
