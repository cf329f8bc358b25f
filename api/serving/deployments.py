"""The two Serve deployments. Importing this imports Ray Serve.

The apps themselves are imported by the replicas only: whoever deploys them has no use for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray import serve
from starlette.types import ASGIApp

from reelyard.cluster.settings import Settings

if TYPE_CHECKING:
    from reelyard.api.serving.app import Part


class _App:
    part: Part

    def __init__(self, settings: dict[str, Any]) -> None:
        from reelyard.cluster.logs.structured import configure_logging

        self._settings = Settings(**settings)
        from reelyard.api.serving.replica_port import bind_to_node
        from reelyard.api.serving.uvicorn_guard import install

        configure_logging(self._settings, self.part)
        # Serve starts uvicorn and its own server once this object is there.
        install()
        bind_to_node()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.part}, {self._settings.storage})"

    def __serve_build_asgi_app__(self) -> ASGIApp:
        from reelyard.api.http.backpressure import BoundedReceive
        from reelyard.api.http.services import ServicesFactory
        from reelyard.api.serving.app import create_app

        app = create_app(ServicesFactory(self._settings), (self.part,))
        if self.part == "transfer":
            # The outermost layer: it must see Serve's own receiver.
            app.add_middleware(BoundedReceive)
        return app


class Api(_App):
    """Everything JSON."""

    part: Part = "api"


class Transfer(_App):
    """Everything that moves bytes, so that polls never wait behind uploads."""

    part: Part = "transfer"


api: Any = serve.deployment(name="Api")(serve.ingress()(Api))
transfer: Any = serve.deployment(name="Transfer")(serve.ingress()(Transfer))
