"""What is kept: assessments and the releases of the model that made them."""

from serving.storage.assessments import AssessmentStore, Page, Run, Saved, Stored
from serving.storage.database import open_database
from serving.storage.usual import UsualStore
from serving.storage.villages import VillageStore

__all__ = ["AssessmentStore", "Page", "Run", "Saved", "Stored", "UsualStore", "VillageStore", "open_database"]
