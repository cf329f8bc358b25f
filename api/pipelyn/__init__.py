"""Pipelyn's API over Reelyard's jobs."""

from api.pipelyn.routes import error_response, router

__all__ = ["error_response", "router"]
