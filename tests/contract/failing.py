"""An application whose start fails."""

from collections.abc import AsyncIterator

from hagworm import App

app = App(title="Failing")


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    raise RuntimeError("the database is not there")
    yield
