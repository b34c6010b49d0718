"""One business service, any engine: the front door of hagworm, which loads each name on first use."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

__version__ = "6.0.0.dev0"

if TYPE_CHECKING:
    from hagworm.facade.application import App as App
    from hagworm.facade.background import BackgroundTasks as BackgroundTasks
    from hagworm.facade.context import current_request as current_request
    from hagworm.facade.exchange import ClientDisconnected as ClientDisconnected
    from hagworm.facade.failure import BadRequest as BadRequest
    from hagworm.facade.failure import Conflict as Conflict
    from hagworm.facade.failure import Forbidden as Forbidden
    from hagworm.facade.failure import HTTPError as HTTPError
    from hagworm.facade.failure import NotFound as NotFound
    from hagworm.facade.failure import Unauthorized as Unauthorized
    from hagworm.facade.failure import ValidationFailed as ValidationFailed
    from hagworm.facade.handler import Handler as Handler
    from hagworm.facade.limits import Limits as Limits
    from hagworm.facade.params import Body as Body
    from hagworm.facade.params import Cookie as Cookie
    from hagworm.facade.params import Depends as Depends
    from hagworm.facade.params import Form as Form
    from hagworm.facade.params import Header as Header
    from hagworm.facade.params import Path as Path
    from hagworm.facade.params import Query as Query
    from hagworm.facade.request import Request as Request
    from hagworm.facade.response import HTML as HTML
    from hagworm.facade.response import JSON as JSON
    from hagworm.facade.response import EventStream as EventStream
    from hagworm.facade.response import File as File
    from hagworm.facade.response import Redirect as Redirect
    from hagworm.facade.response import Response as Response
    from hagworm.facade.response import ServerSentEvent as ServerSentEvent
    from hagworm.facade.response import Stream as Stream
    from hagworm.facade.response import Text as Text
    from hagworm.facade.router import Router as Router
    from hagworm.facade.serving import serve as serve
    from hagworm.facade.upload import UploadFile as UploadFile
    from hagworm.facade.websocket import WebSocket as WebSocket
    from hagworm.facade.websocket import WebSocketClosed as WebSocketClosed

HOMES = {
    "App": "hagworm.facade.application",
    "BackgroundTasks": "hagworm.facade.background",
    "BadRequest": "hagworm.facade.failure",
    "Body": "hagworm.facade.params",
    "ClientDisconnected": "hagworm.facade.exchange",
    "Conflict": "hagworm.facade.failure",
    "Cookie": "hagworm.facade.params",
    "Depends": "hagworm.facade.params",
    "EventStream": "hagworm.facade.response",
    "File": "hagworm.facade.response",
    "Forbidden": "hagworm.facade.failure",
    "Form": "hagworm.facade.params",
    "HTML": "hagworm.facade.response",
    "HTTPError": "hagworm.facade.failure",
    "Handler": "hagworm.facade.handler",
    "Header": "hagworm.facade.params",
    "JSON": "hagworm.facade.response",
    "Limits": "hagworm.facade.limits",
    "NotFound": "hagworm.facade.failure",
    "Path": "hagworm.facade.params",
    "Query": "hagworm.facade.params",
    "Redirect": "hagworm.facade.response",
    "Request": "hagworm.facade.request",
    "Response": "hagworm.facade.response",
    "Router": "hagworm.facade.router",
    "ServerSentEvent": "hagworm.facade.response",
    "Stream": "hagworm.facade.response",
    "Text": "hagworm.facade.response",
    "Unauthorized": "hagworm.facade.failure",
    "UploadFile": "hagworm.facade.upload",
    "ValidationFailed": "hagworm.facade.failure",
    "WebSocket": "hagworm.facade.websocket",
    "WebSocketClosed": "hagworm.facade.websocket",
    "current_request": "hagworm.facade.context",
    "serve": "hagworm.facade.serving",
}

__all__ = ("__version__", *HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
