"""The empty endpoint: what the framework and its server cost before anything is done."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI


def main(port: int) -> None:
    """Serve ``POST /`` that answers an empty object, started as the service is."""
    app = FastAPI()

    @app.post("/")
    async def answer() -> dict[str, str]:
        return {}

    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_config=None, server_header=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
