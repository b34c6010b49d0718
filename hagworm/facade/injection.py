"""What dependencies need beyond a call: generators in threads, uploads, values that live as long as the application."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from hagworm.facade.binding import Call, Provider

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.connection import Connection
    from hagworm.facade.forms import Form

__all__ = ("enter_in_thread", "open_app_values", "read_uploads")

T = TypeVar("T")


@asynccontextmanager
async def enter_in_thread(request: "Connection", manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave `manager` in the thread pool, both in one context, so that it sees its own variables."""
    context = copy_context()
    threads = request.runtime.threads
    value = await threads.run(context.run, manager.__enter__)

    try:
        yield value
    except BaseException as exc:
        leave = partial(context.run, manager.__exit__, type(exc), exc, exc.__traceback__)

        if not await threads.run(leave):
            raise
    else:
        await threads.run(context.run, manager.__exit__, None, None, None)


async def read_uploads(form: "Form", name: str, many: bool, wants_bytes: bool) -> Any:
    """Return the file, or files, that a form holds under `name`: None or an empty list where there is none."""
    uploads = [item for item in form.all(name) if not isinstance(item, str)]

    if not many:
        uploads = uploads[-1:]

    values = [await upload.read() if wants_bytes else upload for upload in uploads]
    return values if many else (values[0] if values else None)


async def open_app_values(providers: Sequence[Provider], app: "App", values: list[Any]) -> AsyncExitStack:
    """Make every value of the scope `app`, in order, into `values`; closing the stack ends them in reverse.

    Where one fails, those made before are ended and its error is raised.
    """
    async with AsyncExitStack() as stack:
        for provider in providers:
            values.append(await make(provider.call, app, values, stack))

        return stack.pop_all()

    raise AssertionError("unreachable: an exit stack that returns does not suppress")


async def make(call: Call, app: "App", values: list[Any], stack: AsyncExitStack) -> Any:
    arguments = {
        argument.name: values[argument.provider.number] if argument.provider is not None else app
        for argument in call.arguments
    }

    if call.style == "async-generator":
        return await stack.enter_async_context(asynccontextmanager(call.function)(**arguments))

    if call.style == "generator":
        return stack.enter_context(contextmanager(call.function)(**arguments))

    result = call.function(**arguments)
    return await result if call.style == "async" else result
