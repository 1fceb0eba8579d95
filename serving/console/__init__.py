"""The console: pages for the people who visit. Rendered here, without scripts, from what is stored."""

from serving.console import account
from serving.console.pages import Pages, static_files
from serving.console.routes import router

__all__ = ["Pages", "account", "router", "static_files"]
