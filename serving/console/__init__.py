"""The console: pages for the people who visit, rendered from what is stored; scripts only add to them."""

from serving.console import account
from serving.console.office import Office
from serving.console.pages import Pages, static_files
from serving.console.plan_effect import PlanEffects
from serving.console.routes import routers
from serving.console.work import Work

__all__ = ["Office", "Pages", "PlanEffects", "Work", "account", "routers", "static_files"]
